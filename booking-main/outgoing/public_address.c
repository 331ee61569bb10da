#include "outgoing/public_address.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct range4 {
    uint32_t network;
    int bits;
};

#define IPV4(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))

static const struct range4 not_public4[] = {
    {IPV4(0, 0, 0, 0), 8},        /* this network */
    {IPV4(10, 0, 0, 0), 8},       /* private */
    {IPV4(100, 64, 0, 0), 10},    /* shared by a provider's customers; a cloud's metadata */
    {IPV4(127, 0, 0, 0), 8},      /* loopback */
    {IPV4(168, 63, 129, 16), 32}, /* Azure's host: public in form only */
    {IPV4(169, 254, 0, 0), 16},   /* link-local, and with it most clouds' metadata */
    {IPV4(172, 16, 0, 0), 12},    /* private */
    {IPV4(192, 0, 0, 0), 24},     /* protocol assignments; a cloud's metadata */
    {IPV4(192, 0, 2, 0), 24},     /* documentation */
    {IPV4(192, 88, 99, 0), 24},   /* 6to4 relays, deprecated */
    {IPV4(192, 168, 0, 0), 16},   /* private */
    {IPV4(198, 18, 0, 0), 15},    /* benchmarks */
    {IPV4(198, 51, 100, 0), 24},  /* documentation */
    {IPV4(203, 0, 113, 0), 24},   /* documentation */
    {IPV4(224, 0, 0, 0), 4},      /* multicast */
    {IPV4(240, 0, 0, 0), 4},      /* reserved, broadcast */
};

static bool is_public4(uint32_t address)
{
    for (size_t i = 0; i < sizeof not_public4 / sizeof not_public4[0]; i++) {
        uint32_t mask = UINT32_MAX << (32 - not_public4[i].bits);
        if ((address & mask) == not_public4[i].network)
            return false;
    }
    return true;
}

struct range6 {
    unsigned char network[16];
    int bits;
};

/* What else is in 2000::/3, outside of which nothing is assigned to be public. */
static const struct range6 not_public6[] = {
    {{0x20, 0x01}, 23},             /* protocol assignments: Teredo, benchmarks, ORCHID */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x20, 0x02}, 16},             /* 6to4 */
    {{0x3f, 0xff, 0x00}, 20},       /* documentation */
};
static const struct range6 global_unicast = {{0x20}, 3};

/* An IPv4 address follows. */
static const struct range6 mapped = {{[10] = 0xff, [11] = 0xff}, 96};
static const struct range6 translated = {{0x00, 0x64, 0xff, 0x9b}, 96};

static bool is_in(const unsigned char address[16], const struct range6 *range)
{
    size_t whole = (size_t)range->bits / 8;
    int rest = range->bits % 8;
    if (memcmp(address, range->network, whole) != 0)
        return false;
    return !rest || (address[whole] ^ range->network[whole]) >> (8 - rest) == 0;
}

static bool is_public6(const unsigned char address[16])
{
    if (is_in(address, &mapped) || is_in(address, &translated))
        return is_public4(IPV4(address[12], address[13], address[14], address[15]));
    for (size_t i = 0; i < sizeof not_public6 / sizeof not_public6[0]; i++)
        if (is_in(address, &not_public6[i]))
            return false;
    return is_in(address, &global_unicast);
}

bool address_is_public(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        return is_public4(ntohl(in.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, address, sizeof in);
        return is_public6(in.sin6_addr.s6_addr);
    }
    return false;
}
