/* Everything an adapter is, but for its format.
 *
 * An adapter serves POST /formatCarInfo on loopback: it gets a car document and answers with the
 * same car in its partner's format. A partner's own source is a format function and a main() that
 * hands it to adapter_main(). It holds no state and calls nobody.
 */
#ifndef LIB_ADAPTER_ADAPTER_H
#define LIB_ADAPTER_ADAPTER_H

#include "lib/adapter/car_document.h"
#include "lib/base/buffer.h"

/* Writes the partner's JSON for the car, with lib/json/writer.h. The buffer remembers if memory
 * runs out. */
typedef void adapter_format(const struct car_document *car, struct buffer *out);

/* Runs the adapter called `name` until it is told to stop; returns main()'s exit status. */
int adapter_main(int argc, char **argv, const char *name, adapter_format *format);

/* Writes an amount of the car document as a number in its shortest form. */
void adapter_amount(struct buffer *out, const char *member, int64_t amount);

#endif
