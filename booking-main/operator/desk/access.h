/* Who may call the desk, and from where.
 *
 * With --operator-keys a request needs one of the keys. Without, the desk listens on loopback only,
 * and a request has to name it so: a page from elsewhere whose name was made to lead to loopback
 * (DNS rebinding) does not. The API takes no request that another site's page has a browser send.
 */
#ifndef BOOKING_OPERATOR_DESK_ACCESS_H
#define BOOKING_OPERATOR_DESK_ACCESS_H

#include "lib/http/server.h"
#include "lib/log/log.h"

struct desk_access;

/* `keys` is the file's path, or NULL for loopback without keys. NULL, with a sentence added to
 * `error`, when the file is not valid, or when `bind` is not loopback and there is none. The texts,
 * loop and log are borrowed. */
struct desk_access *desk_access_new(struct loop *loop, struct log *log, const char *bind,
                                    const char *keys, struct buffer *error);

/* Answers what waits, too; before the server goes. NULL is fine for all of these. */
void desk_access_free(struct desk_access *access);

/* Reads the keys again. */
void desk_access_reread(struct desk_access *access);

/* The service is stopping: answers what waits, and from now on at once. */
void desk_access_drain(struct desk_access *access);

/* For the routes, whose context is the engine. The caller's name is in request->caller, "" without
 * keys. */
http_admit desk_admit_page;
http_admit desk_admit_api;   /* a write is JSON */
http_admit desk_admit_fleet; /* a write is CSV */

#endif
