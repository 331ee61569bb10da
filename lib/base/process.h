/* What a service asks of the system for itself. */
#ifndef LIB_BASE_PROCESS_H
#define LIB_BASE_PROCESS_H

/* Raises the soft limit of open descriptors to the hard one: a default of 1024 is fewer than the
 * connections a service allows. Where it cannot, connections wait in the kernel's queue instead. */
void process_raise_descriptor_limit(void);

#endif
