/* What the desk knows, as JSON and as CSV: the API's answers (docs/desk-api.md) and the command
 * line's --json and --csv are written here, so that they are the same. Failures are the buffer's.
 */
#ifndef BOOKING_STORE_DESK_DOCUMENT_H
#define BOOKING_STORE_DESK_DOCUMENT_H

#include "store/desk/desk.h"

/* A member, or within an array, where `name` is NULL, an element. */
void desk_json_booking(struct buffer *out, const char *name, const struct desk_booking *booking);
void desk_json_history(struct buffer *out, const struct desk_history_entry *entry);
void desk_json_car(struct buffer *out, const struct desk_car *car);

/* The members of a car, for an object that has more of them. */
void desk_json_car_members(struct buffer *out, const struct desk_car *car);

/* The members that say what came of a change: `booking`, and what is in its way. */
void desk_json_outcome(struct buffer *out, enum desk_result result,
                       const struct desk_outcome *outcome);

/* The members of an import's report. `warnings` are the fleet file's. */
void desk_json_import(struct buffer *out, bool done, const struct store_import_report *report,
                      const struct buffer *warnings);

/* Lines of CSV. Cars are the fleet file, as an import takes it (fleet/fleet.h). */
void desk_csv_bookings_heading(struct buffer *out);
void desk_csv_booking(struct buffer *out, const struct desk_booking *booking);
void desk_csv_cars_heading(struct buffer *out);
void desk_csv_car(struct buffer *out, const struct desk_car *car);

#endif
