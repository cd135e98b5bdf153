"""The benchmark: this program beside the tools that people use, on the same work, in the same run.

Contract: `make bench` writes `bench/README.md` and nothing else does; every number in it was measured by that run.
`shapes` are the images, made from fixed seeds; `places` start the registries and fill them; `tools` know the command
lines; `works` say what is measured; `stopwatch` measures one command; `floors` measure what no tool can beat; `page`
writes the table. Runs of different tools are interleaved, so that a slow minute of the machine hits all of them.
"""
