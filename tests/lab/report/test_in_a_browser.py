"""The page as people use it: opened from disk, played, sought."""

from __future__ import annotations

import pytest


def until(page, holds) -> None:
    """Wait in Python: the page's policy runs no script but its own, a waiting one neither."""
    for _ in range(600):
        if holds():
            return
        page.wait_for_timeout(100)
    raise AssertionError("waited for a minute")


@pytest.mark.timeout(180)
def test_the_page_opens_from_disk_plays_and_seeks_without_a_network(browser, small_study, tmp_path):
    from earmark_lab.report import write_report

    page_file = write_report([small_study], {small_study.run_address(job) for job in small_study.jobs()}, tmp_path)
    asked: list[str] = []
    said: list[str] = []
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.on("request", lambda request: asked.append(request.url.partition(":")[0]))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(page_file.as_uri())
    audio, over = page.locator("audio").first, page.locator(".over").first
    until(page, lambda: audio.evaluate("audio => audio.readyState") >= 1)
    assert abs(audio.evaluate("audio => audio.duration") - 10) < 0.2
    box = over.bounding_box()
    over.click(position={"x": box["width"] / 2, "y": 10})
    assert abs(audio.evaluate("audio => audio.currentTime") - 5) < 0.1
    audio.evaluate("audio => audio.play()")
    until(page, lambda: audio.evaluate("audio => audio.currentTime") > 5.3)
    assert float(page.locator(".cursor").first.evaluate("line => parseFloat(line.style.left)")) > 50
    # Nothing but tables, which scroll within themselves, is wider than a telephone.
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()
    assert set(asked) <= {"file", "data"}
    assert said == []
