#!/usr/bin/env python3
"""The dashboard in a real browser: data appears, nothing complains, no request leaves the host, what a
stranger said stays text. Screenshots are left in BUILD/screenshots."""
import json
import os
import re
import tempfile
import unittest
import urllib.request

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

import harness
from harness import Backend, SystemTest, wait_for

HOSTILE = "<img/src=x/onerror=alert(1)>"


def browser(profile):
    options = Options()
    options.binary_location = "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--disable-background-networking", "--no-first-run", f"--user-data-dir={profile}",
                     "--window-size=1400,1800"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)


class Dashboard(SystemTest):
    def setUp(self):
        super().setUp()
        self.http = harness.free_port()
        self.backend = self.start(Backend())
        self.daemon = self.ravelin([self.backend], sections={
            "admin": f'socket = "{{dir}}/ctl.sock"\nhttp = "127.0.0.1:{self.http}"'})
        for recipient in ("bob@example.com", "nobody@example.com", f'"{HOSTILE}"@example.com'):
            with self.daemon.client() as client:
                client.mail([recipient])
        wait_for(lambda: len(self.daemon.ctl("explain", "sender.example")["entries"]) == 3, "the dialogs' ends")

    def open(self):
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.addCleanup(self.profile.cleanup)
        self.browser = browser(self.profile.name)
        self.addCleanup(self.browser.quit)
        self.browser.get(f"http://127.0.0.1:{self.http}/")

    def until(self, condition, what):
        return WebDriverWait(self.browser, harness.PATIENCE).until(lambda _: condition(), what)

    def texts(self, selector):
        """Read at once: the page replaces what it shows."""
        return self.browser.execute_script(
            "return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)", selector)

    def picture(self, name, width=1400, height=1800, scheme="light"):
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": scheme}]})
        self.browser.set_window_size(width, height)
        directory = harness.BUILD / "screenshots"
        os.makedirs(directory, exist_ok=True)
        self.assertTrue(self.browser.save_screenshot(str(directory / f"dashboard-{name}.png")))

    def check_silent(self):
        """No error on the console, no request to anybody else."""
        self.assertEqual([one for one in self.browser.get_log("browser") if one["level"] != "DEBUG"], [])
        asked = [message["params"]["request"]["url"] for message in
                 (json.loads(one["message"])["message"] for one in self.browser.get_log("performance"))
                 if message["method"] == "Network.requestWillBeSent"]
        self.assertTrue(any(url.endswith("/api/status") for url in asked), asked)
        own = f"http://127.0.0.1:{self.http}/"  # chrome: and data: are the browser's and the page's own
        away = [url for url in asked if re.match("(https?|wss?):", url) and not url.startswith(own)]
        self.assertEqual(away, [])

    def test_what_it_shows(self):
        self.open()
        self.until(lambda: len(self.texts("#found details")) >= 3, "the dialogs")
        self.until(lambda: self.texts("#tiles b"), "numbers")
        self.until(lambda: any("127.0.0.1" in text for text in self.texts("#sources td")), "the source")
        self.assertIn("calm", self.texts("#level")[0])
        self.assertIn("mx.example.net", self.texts("#host")[0])
        self.assertIn(f"127.0.0.1:{self.backend.port}", self.texts("#backends td"))
        drawn = "return document.querySelectorAll('#refused canvas').length"
        self.until(lambda: self.browser.execute_script(drawn) > 0, "a curve")
        self.assertTrue(any("unknown recipient" in text for text in self.texts("#refused-legend span")))
        found = " ".join(self.texts("#found details"))
        self.assertIn(HOSTILE, found)
        self.assertEqual(self.browser.execute_script("return document.images.length"), 0)
        self.picture("light")
        self.picture("dark", scheme="dark")
        self.picture("narrow", 420, 3200)
        wide = "return document.documentElement.scrollWidth <= window.innerWidth"
        self.assertTrue(self.browser.execute_script(wide), "it scrolls sideways on a phone")
        self.check_silent()

    def test_search(self):
        self.open()
        self.until(lambda: len(self.texts("#found details")) >= 3, "the dialogs")
        self.browser.find_element(By.ID, "what").send_keys("nobody@example.com")
        self.browser.find_element(By.CSS_SELECTOR, "#search button").click()
        self.until(lambda: len(self.texts("#found details")) == 1, "the one that was looked for")
        self.assertIn("550", self.texts("#found summary")[0])
        self.browser.find_element(By.CSS_SELECTOR, "#found summary").click()
        self.assertTrue(any("rdns: pass" in text for text in self.texts("#found dd")))
        self.browser.find_element(By.CSS_SELECTOR, "nav button:last-child").click()
        self.until(lambda: self.texts("nav button[aria-pressed=true]") == ["1 month"], "the month")
        self.check_silent()

    def test_what_is_asked_wrongly(self):
        def code(path):
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}").status
            except urllib.error.HTTPError as error:
                self.assertIn("error", json.loads(error.read()))
                return error.code

        self.assertEqual(code("/api/curves?step=10"), 200)
        for path in ("/api/curves?step=7", "/api/curves?step=x", "/api/curves?step", "/api/explain?what=%zz",
                     "/api/explain?command=reload", "/api/explain?what=x", "/api/report"):
            self.assertEqual(code(path), 400, path)


if __name__ == "__main__":
    harness.main()
