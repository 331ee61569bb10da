"""A fleet of any size as an operator's CSV file, and questions that every such fleet can answer."""
import datetime
import itertools
import random

LOCATIONS = [f"L{number:02}" for number in range(20)]
CATEGORIES = ["ECMR", "CDMR", "IDAR", "SFAR"]
MANY_CATEGORIES = [f"{a}{b}MR" for a, b in itertools.product("MNEHCDIJSR", "BCDWVLSTFJ")]


def write(path, cars, categories=CATEGORIES):
    """Every location has cars of every category, where there are enough; prices are random."""
    chance = random.Random(1)
    with open(path, "w", encoding="ascii") as file:
        file.write("carid,category,location,day_price,hour_price,currency\n")
        for number in range(cars):
            location = LOCATIONS[number % len(LOCATIONS)]
            category = categories[number // len(LOCATIONS) % len(categories)]
            price = chance.randrange(2000, 30000)
            file.write(f"{number % 9 + 1}-{number:07},{category},{location},"
                       f"{price // 100}.{price % 100:02},,EUR\n")


def periods(count, chance):
    """That many, as a query."""
    today = datetime.datetime.now(datetime.timezone.utc).replace(hour=0, minute=0)
    for _ in range(count):
        pickup = today + datetime.timedelta(days=chance.randrange(2, 400),
                                            minutes=chance.randrange(24 * 60))
        back = pickup + datetime.timedelta(days=chance.choice((1, 3, 7, 14)),
                                           minutes=chance.randrange(-600, 600))
        yield f"pickup_at={pickup:%FT%H:%M:00Z}&return_at={back:%FT%H:%M:00Z}"


def questions(count=96):
    """Paths that ask for dates, a third of them anywhere, a third for a location, a third for a
    category there."""
    chance = random.Random(2)
    paths = []
    for number, period in enumerate(periods(count, chance)):
        path = f"/bookCar?{period}"
        if number % 3 > 0:
            path += "&location=" + chance.choice(LOCATIONS)
        if number % 3 > 1:
            path += "&category=" + chance.choice(CATEGORIES)
        paths.append(path)
    return paths


def lists(cars, count=96):
    """Paths that ask for the cheapest car of that many categories, for periods that change."""
    return [f"/offers?{period}&limit={cars}" for period in periods(count, random.Random(2))]
