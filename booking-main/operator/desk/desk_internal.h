/* What the desk's parts share. Inside operator/desk only. */
#ifndef BOOKING_OPERATOR_DESK_DESK_INTERNAL_H
#define BOOKING_OPERATOR_DESK_DESK_INTERNAL_H

#include "operator/desk/access.h"
#include "store/desk/jobs.h"

struct engine;

struct desk_server {
    struct engine *engine;
    struct desk_access *access;
    struct desk_jobs *jobs;
    struct desk_counts *counts;
    struct http_server *server;
};

/* The calls of occupancy.c under way, whose work is the loop's own; NULL when out of memory. */
struct desk_counts *desk_counts_new(struct loop *loop);
void desk_counts_stop(struct desk_counts *counts);
void desk_counts_free(struct desk_counts *counts);

#endif
