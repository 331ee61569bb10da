#include "inventory/claims.h"

#include <assert.h>
#include <string.h>

static void add_claim(struct claims *claims, struct claim *claim)
{
    claim->next = NULL;
    claim->previous = claims->last;
    if (claim->previous)
        claim->previous->next = claim;
    else
        claims->first = claim;
    claims->last = claim;
}

static void remove_claim(struct claims *claims, struct claim *claim)
{
    if (claim->next)
        claim->next->previous = claim->previous;
    else
        claims->last = claim->previous;
    if (claim->previous)
        claim->previous->next = claim->next;
    else
        claims->first = claim->next;
}

static bool overlap(struct period a, struct period b)
{
    return a.pickup_at < b.return_at && b.pickup_at < a.return_at;
}

int claims_make(struct claims *claims, struct stock *stock, uint32_t position, struct period period,
                struct claim *claim)
{
    assert(claim->state == CLAIM_NONE);
    const struct catalog_car *car = catalog_car(stock->catalog, position);
    period.return_at += car->turnaround;
    int failure = availability_occupy(stock->availability, position, period);
    if (failure)
        return failure;
    claim->car = car->number;
    claim->period = period;
    claim->state = CLAIM_HELD;
    add_claim(claims, claim);
    return 0;
}

void claims_end(struct claims *claims, struct stock *stock, struct claim *claim)
{
    if (claim->state == CLAIM_NONE)
        return;
    if (claim->state == CLAIM_HELD)
        stock_release(stock, claim->car, claim->period);
    remove_claim(claims, claim);
    claim->state = CLAIM_NONE;
}

struct claim *claims_find(const struct claims *claims, const char *booking_id)
{
    struct claim *claim = claims->first;
    while (claim && memcmp(claim->booking_id, booking_id, BOOKING_ID_SIZE) != 0)
        claim = claim->next;
    assert(!claim || claim->state != CLAIM_NONE);
    return claim;
}

void claims_give_way(struct claims *claims, struct stock *stock, uint32_t position,
                     struct period period)
{
    int64_t car = catalog_car(stock->catalog, position)->number;
    for (struct claim *claim = claims->first; claim; claim = claim->next)
        /* What is over is in nobody's way, and the index has forgotten it. */
        if (claim->state == CLAIM_HELD && claim->car == car && overlap(claim->period, period) &&
            availability_release(stock->availability, position, claim->period) == 0) {
            claim->state = CLAIM_LOST;
            claims->lost++;
        }
}

void claims_lift(struct claims *claims)
{
    for (struct claim *claim = claims->first; claim; claim = claim->next) {
        assert(claim->state != CLAIM_NONE);
        if (claim->state == CLAIM_HELD)
            claim->state = CLAIM_LOST;
    }
}

void claims_lay(struct claims *claims, struct stock *stock)
{
    for (struct claim *claim = claims->first; claim; claim = claim->next) {
        uint32_t position = catalog_by_number(stock->catalog, claim->car);
        assert(claim->state == CLAIM_LOST || claim->state == CLAIM_COMMITTED);
        if (claim->state == CLAIM_LOST && position != CATALOG_NONE &&
            availability_occupy(stock->availability, position, claim->period) == 0)
            claim->state = CLAIM_HELD;
    }
}

size_t claims_count(const struct claims *claims)
{
    size_t count = 0;
    for (const struct claim *claim = claims->first; claim; claim = claim->next)
        count++;
    return count;
}
