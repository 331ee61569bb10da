/* Which addresses are on the public Internet.
 *
 * Who may say where webhooks go could otherwise have the engine ask what only the engine can reach:
 * its own pod, the cluster, the cloud's metadata.
 */
#ifndef BOOKING_OUTGOING_PUBLIC_ADDRESS_H
#define BOOKING_OUTGOING_PUBLIC_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* Whether the address is globally reachable unicast, by IANA's registries of special-purpose
 * addresses (RFC 6890). An IPv4 address within an IPv6 one, mapped or for a translator (RFC 6052),
 * is what counts there; those of tunnels are refused. Any other family is not public. */
bool address_is_public(const struct sockaddr *address);

#endif
