"""The status page in a real browser: on a phone, in the dark, with JavaScript and without."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from mirror.service.server import Server
from mirror.service.web import create_app
from tests.servers.browser import browser
from tests.unit.service.fake_service import Still
from tests.unit.service.standings import IN_STEP, OUTAGE


@pytest.fixture
def service() -> Still:
    return Still()


@pytest.fixture
def address(service: Still) -> Iterator[str]:
    server = Server(create_app(service), "127.0.0.1:0")
    yield f"http://127.0.0.1:{server.port}/"
    server.stop()


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with browser(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


def rows(driver: Chrome) -> list[str]:
    # One call: a row may be replaced between two.
    script = "return [...document.querySelectorAll('#tags tbody tr')].map(row => row.innerText)"
    return list(driver.execute_script(script))


def verdict(driver: Chrome) -> str:
    return str(driver.execute_script("return document.querySelector('.verdict p').innerText"))


def until(driver: Chrome, met: object) -> None:
    WebDriverWait(driver, 15, 0.1).until(lambda _: met())  # type: ignore[operator]


def test_the_page_shows_the_verdict_and_loads_without_a_complaint(chrome: Chrome, address: str) -> None:
    chrome.get(address)
    assert "1,204 of 1,207 tags can be pulled from Google; these 3 cannot." in verdict(chrome)
    assert chrome.title.startswith("down")
    assert len(rows(chrome)) == 100
    assert chrome.get_log("browser") == []


def test_the_page_refreshes_itself_and_says_so(chrome: Chrome, address: str, service: Still) -> None:
    chrome.get(address)
    chrome.execute_script("document.documentElement.dataset.same = 'page'")
    service.now = IN_STEP
    until(chrome, lambda: "Everything is in step" in verdict(chrome))
    assert "refreshes itself" in chrome.find_element(By.TAG_NAME, "header").text
    assert chrome.execute_script("return document.documentElement.dataset.same") == "page"


def test_searching_while_typing_keeps_the_focus(chrome: Chrome, address: str) -> None:
    chrome.get(address)
    field = chrome.find_element(By.NAME, "q")
    field.send_keys("web")
    until(chrome, lambda: len(rows(chrome)) == 1)
    assert "acme/shop/web:1.1207" in rows(chrome)[0]
    field.send_keys(" 1.1207")
    until(chrome, lambda: "q=web+1.1207" in chrome.current_url)
    assert chrome.switch_to.active_element.get_attribute("name") == "q"


def test_a_state_can_be_chosen(chrome: Chrome, address: str) -> None:
    chrome.get(address)
    Select(chrome.find_element(By.NAME, "state")).select_by_visible_text("not in step")
    until(chrome, lambda: len(rows(chrome)) == 3)
    assert "registry.gitlab.com does not answer" in rows(chrome)[0]


def test_a_service_that_stops_is_said_and_the_last_page_stays(chrome: Chrome, service: Still) -> None:
    server = Server(create_app(service), "127.0.0.1:0")
    chrome.get(f"http://127.0.0.1:{server.port}/")
    server.stop()
    until(chrome, lambda: "does not answer" in chrome.find_element(By.ID, "live").text)
    assert "1,204 of 1,207" in verdict(chrome)
    chrome.get_log("browser")


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_runs_off_the_side(chrome: Chrome, address: str, service: Still, width: int) -> None:
    long = replace(
        OUTAGE.behind[0],
        key=OUTAGE.behind[0].key._replace(repository="acme/" + "very-long-name-" * 8 + "end", tag="x" * 128),
    )
    service.records = (long, *service.records)
    phone = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    try:
        chrome.get(address)
        assert chrome.execute_script("return document.documentElement.scrollWidth") <= width
    finally:
        chrome.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_on_its_ground(chrome: Chrome, address: str, scheme: str) -> None:
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    chrome.get(f"{address}?state=behind")
    ground = chrome.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (sum(_rgb(ground)) < 200) is (scheme == "dark")
    for selector in ("body", ".verdict", ".card", ".frozen", "dt", "#tags th", "#tags .why", "a"):
        assert _contrast(chrome, selector) >= 4.5, selector


def _contrast(driver: Chrome, selector: str) -> float:
    script = """
        let found = document.querySelector(arguments[0]);
        const ink = getComputedStyle(found).color;
        while (getComputedStyle(found).backgroundColor === "rgba(0, 0, 0, 0)") found = found.parentElement;
        return [ink, getComputedStyle(found).backgroundColor];
    """
    light, dark = sorted(
        (_luminance(_rgb(text)) for text in driver.execute_script(script, selector)), reverse=True
    )
    return (light + 0.05) / (dark + 0.05)


def _rgb(text: str) -> list[int]:
    return [int(part) for part in text.split("(")[1].rstrip(")").split(",")[:3]]


def _luminance(colour: list[int]) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [value / 255 for value in colour]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_everything_works_with_javascript_off(
    tmp_path_factory: pytest.TempPathFactory, address: str, service: Still
) -> None:
    with browser(tmp_path_factory.mktemp("still"), javascript=False) as driver:
        driver.get(address)
        assert "these 3 cannot" in driver.find_element(By.CSS_SELECTOR, ".verdict p").text
        assert driver.find_element(By.ID, "live").text == ""
        driver.find_element(By.NAME, "q").send_keys("web")
        driver.find_element(By.CSS_SELECTOR, "#tags button").click()
        until(driver, lambda: "q=web" in driver.current_url)
        found = driver.find_elements(By.CSS_SELECTOR, "#tags tbody tr")
        assert [row.text.split()[0] for row in found] == ["acme/shop/web:1.1207"]
        driver.find_element(By.LINK_TEXT, "1,204").click()
        until(driver, lambda: "state=in_sync" in driver.current_url)
        driver.find_element(By.LINK_TEXT, "next").click()
        until(driver, lambda: "page=2" in driver.current_url)
