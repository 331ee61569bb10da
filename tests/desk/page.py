"""A person at the operator's page: what they read, the names they look for, the keys they press.

Nothing here is found by a class or a place in the document, but by the names that a screen reader
says, so that a control without a name is a control that a test cannot find.
"""
import json
import re
import shutil
import time

from selenium import webdriver
from selenium.common.exceptions import JavascriptException, StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from support import PATIENCE

ZONE = "Europe/Paris"

# All that can be operated and is to be seen, in the dialog when one is open.
OPERABLE = """
    const root = document.querySelector('dialog[open]') ?? document;
    return [...root.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]')]
      .filter((e) => e.checkVisibility());"""


class Page:
    def __init__(self, engine, downloads, key=None, width=1280, height=900, dark=False):
        """With a key: as a browser sends it that has asked for it."""
        self.url = f"http://{f'any:{key}@' if key else ''}{engine.address}:{engine.desk_port}/"
        self.downloads = downloads
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage",
                         "--disable-gpu", "--lang=en-GB", f"--window-size={width},{height}"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options,
                                       service=Service(shutil.which("chromedriver")))
        self.command("Emulation.setTimezoneOverride", timezoneId=ZONE)
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height,
                     deviceScaleFactor=1, mobile=False)
        self.command("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads))
        self.driver.get(self.url)
        self.wait_for_view()

    def close(self):
        self.driver.quit()

    def command(self, name, **parameters):
        return self.driver.execute_cdp_cmd(name, parameters)

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def until(self, condition, what):
        """The condition's first true value. The page changes under it, so that it may look at what
        has gone already; then it looks again."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                value = condition()
                if value:
                    return value
            except (StaleElementReferenceException, JavascriptException):
                pass
            assert time.monotonic() < end, f"{what}: not there.\n{self.text()}"
            time.sleep(0.02)

    # --- reading ---

    def text(self):
        """All that is to be read, but for the frame around it."""
        return self.script("return ['dialog', '#banner', '#notice', 'main', 'footer'].flatMap("
                           "(name) => [...document.querySelectorAll(name)])"
                           ".map((e) => e.innerText).join('\\n')")

    def title(self):
        return self.driver.title.removesuffix(" – Booking desk")

    def wait_for_view(self, title=None):
        """Until a view is shown whole."""
        self.until(lambda: self.script("return document.querySelector('main h1') !== null"
                                       " && !document.querySelector('main[aria-busy]')"
                                       " && !document.querySelector('dialog[open]')"), "a view")
        if title:
            self.until(lambda: self.title() == title, title)

    def reads(self, words):
        """Waits until these words, a pattern, stand on the page; the match."""
        return self.until(lambda: re.search(words, self.text()), words)

    def notice(self, words):
        """Waits until what was done is said, which a screen reader is told too."""
        def look():
            return re.search(words, self.driver.find_element(By.ID, "notice").text)
        return self.until(look, f"the notice '{words}'")

    # --- operating ---

    def named(self, name, *roles):
        """The control of that name and one of these roles, as a screen reader has them."""
        def look():
            for element in self.script(OPERABLE):
                if (element.accessible_name or "").strip() == name and element.aria_role in roles:
                    return element
            return None
        return self.until(look, f"{' or '.join(roles)} '{name}'")

    def press(self, name):
        """A button or link, by the keyboard."""
        element = self.named(name, "button", "link")
        self.script("arguments[0].focus()", element)
        element.send_keys(Keys.ENTER)

    def field(self, name):
        return self.named(name, "textbox", "searchbox", "combobox", "spinbutton", "button",
                          "DateTime", "Date", "checkbox", "generic")

    def fill(self, name, text, *keys):
        control = self.field(name)
        control.clear()
        control.send_keys(text, *keys)

    def go(self, address):
        """The view of an address, which the page begins to show when it hears of it, not before."""
        self.driver.execute_async_script("""
            const [address, done] = arguments;
            if (location.hash === address) done();
            addEventListener('hashchange', () => done(), { once: true });
            location.hash = address;""", address)
        self.wait_for_view()

    def search(self, text):
        self.fill("Find a booking by reference, booking id or car", text, Keys.ENTER)

    def choose_file(self, path):
        self.driver.find_element(By.CSS_SELECTOR, "input[type=file]").send_keys(str(path))

    def cell(self, row, day):
        """A calendar's cell, by its car or place and its day ("Sun 29 Nov 2026")."""
        start = f"{row}, {day}: "
        return self.until(lambda: self.script(
            "return [...document.querySelectorAll('[role=grid] td')].find("
            "(cell) => cell.getAttribute('aria-label').startsWith(arguments[0]))", start), start)

    def focused(self):
        return self.driver.switch_to.active_element

    def keys(self, *keys):
        self.focused().send_keys(*keys)

    def downloaded(self, name):
        """The text of a file that is whole: chromium renames it when it is."""
        path = self.downloads / name
        self.until(path.exists, name)
        return path.read_text()

    # --- what went wrong behind its back ---

    def troubles(self):
        """What the browser complained of, but for answers that are refusals."""
        return [entry["message"] for entry in self.driver.get_log("browser")
                if "the server responded with a status of" not in entry["message"]]

    def api(self, engine, path, method="GET", **fields):
        """The same API, by somebody else."""
        answer = engine.desk("/api" + path, method, body=json.dumps(fields) if fields else None,
                             headers={"Content-Type": "application/json"} if fields else {})
        assert answer.status < 300, answer
        return json.loads(answer.body)
