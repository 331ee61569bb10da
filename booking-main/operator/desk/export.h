/* Streamed CSV: all bookings, or all cars, that a filter shows. Inside operator/desk only. */
#ifndef BOOKING_OPERATOR_DESK_EXPORT_H
#define BOOKING_OPERATOR_DESK_EXPORT_H

#include "engine.h"
#include "store/desk/desk.h"

/* Whether CSV is asked for: by the parameter `format`, or else by Accept (RFC 9110,
 * section 12.5.1).
 */
bool desk_wants_csv(struct http_request *request, bool format_given, bool format_is_csv);

/* Answer the request; the filter is copied. */
void desk_export_bookings_csv(struct engine *engine, struct http_request *request,
                              const struct desk_filter *filter);
void desk_export_cars_csv(struct engine *engine, struct http_request *request,
                          const struct desk_car_filter *filter);

#endif
