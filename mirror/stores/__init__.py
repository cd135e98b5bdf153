"""Stores: homes of images that are no registry.

Contract: knows the store's own library and its words, and nothing of who pushes what where. Errors of the library
come out as the program's own.
"""
