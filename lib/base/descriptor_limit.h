/* How many descriptors, and so connections, a service may have open. */
#ifndef LIB_BASE_DESCRIPTOR_LIMIT_H
#define LIB_BASE_DESCRIPTOR_LIMIT_H

/* Raises the soft limit of open descriptors to the hard one: a default of 1024 is fewer than the
 * connections a service allows. Where it cannot, connections wait in the kernel's queue instead. */
void descriptor_limit_raise(void);

#endif
