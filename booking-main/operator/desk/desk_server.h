/* The desk's port: the operator's page and its API (docs/desk-api.md). */
#ifndef BOOKING_OPERATOR_DESK_DESK_SERVER_H
#define BOOKING_OPERATOR_DESK_DESK_SERVER_H

#include "lib/base/buffer.h"

#include <stdbool.h>

struct engine;
struct desk_server;

/* Reads the operators' keys; the port is not open yet. NULL, with a sentence added to `error`, when
 * they are not valid, or when there are none for a port that is not on loopback. The engine is
 * borrowed. NULL is fine for all of the functions below: no desk. */
struct desk_server *desk_server_new(struct engine *engine, struct buffer *error);

/* Opens the port, once the engine has its store and inventory. */
bool desk_server_start(struct desk_server *desk, struct buffer *error);

/* Stopping, in this order: answers what waits and says Connection: close; takes no more
 * connections; ends what is in flight, also long answers, while store and inventory are there. */
void desk_server_drain(struct desk_server *desk);
void desk_server_stop_accepting(struct desk_server *desk);
bool desk_server_is_idle(const struct desk_server *desk);
void desk_server_stop(struct desk_server *desk);
void desk_server_free(struct desk_server *desk);

/* Reads the keys again. */
void desk_server_reread(struct desk_server *desk);

void desk_server_metrics(const struct desk_server *desk, struct buffer *out);

#endif
