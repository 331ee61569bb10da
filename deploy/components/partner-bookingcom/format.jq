# A car in the shape of Booking.com's Demand API, POST /cars/search.
#
# An example after public documentation (developers.booking.com, Demand API, cars): nobody at
# Booking.com has seen it. There, cars, suppliers and depots are integers, and their names are
# asked for elsewhere: the tables below are this operator's own, to be filled in.

def car_ids: {ECMR: 101, CDMR: 102, IDMR: 103, IDAR: 104, SFAR: 105, FVAR: 106};
def depot_ids: {NCE: 2001, CDG: 2002, ORY: 2003, LYS: 2004};
def supplier_id: 17;
def currency_codes: {euro: "EUR", dollar: "USD", pound: "GBP"};

# 520.5 is "520.50".
def two_decimals:
  (. * 100 | round) as $hundredths
  | ($hundredths % 100 | tostring) as $rest
  | "\($hundredths / 100 | floor).\(if $rest | length < 2 then "0" + $rest else $rest end)";

# A time on the wall there: without its offset.
def local_time: if . then .[0:19] else null end;

def known: with_entries(select(.value != null));

def stop($at; $location):
  {
    datetime: ($at | local_time),
    depot: (if $location then depot_ids[$location] else null end)
  }
  | known;

def item:
  . as $car
  | {
      offer: .carid,
      car: (if .category then car_ids[.category] else null end),
      supplier: supplier_id,
      status: .status, # not of /cars/search: an answer may be a booking's
      expires_at: .expires_at,
      price: {
        total: (.price | two_decimals),
        currency: (currency_codes[.currency] // .currency)
      },
      policies: {
        cancellation: {type: "free_cancellation"},
        fuel: {type: "return_same"},
        mileage: {type: "unlimited"}
      },
      route: {
        pickup: stop($car.pickup_at; $car.location),
        dropoff: stop($car.return_at; $car.location)
      }
    }
  | known;

# A list of cars is one answer.
{data: [(.cars // [.])[] | item]}
