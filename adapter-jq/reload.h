/* The filter in use: read at the start, and again whenever its file changes.
 *
 * A changed filter is first tried in a process of its own, since one that does not end, or needs
 * too much memory, ends the process it is tried in. Until it has passed, and if it does not, the
 * old one goes on.
 */
#ifndef ADAPTER_JQ_RELOAD_H
#define ADAPTER_JQ_RELOAD_H

#include "adapter-jq/filter.h"
#include "lib/base/loop.h"
#include "lib/log/log.h"

struct reload;

/* Reads the file and tries its filter on the samples, in this process. NULL, with the reason
 * logged, when it is not good. The arguments are borrowed until reload_free(). */
struct reload *reload_new(const char *path, struct loop *loop, struct log *log);

/* The filter in use; until the loop's next round. */
struct filter *reload_filter(const struct reload *reload);

/* NULL is fine. */
void reload_free(struct reload *reload);

#endif
