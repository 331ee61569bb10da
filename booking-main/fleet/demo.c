#include "fleet/fleet.h"

#include <string.h>

/* Enough to see offers change with place, category and booking; the first is the seed's car. */
static const char demo_csv[] = "carid,category,location,day_price,hour_price,currency\n"
                               "1-XXX-333,ECMR,NCE,55.00,10.00,EUR\n"
                               "1-XXX-334,ECMR,NCE,57.50,10.50,EUR\n"
                               "1-XXX-335,CDAR,NCE,72.00,13.00,EUR\n"
                               "2-YYY-101,ECMR,CDG,59.00,11.00,EUR\n"
                               "2-YYY-102,IDAR,CDG,84.90,15.00,EUR\n"
                               "2-YYY-103,SFAR,CDG,129.00,22.00,EUR\n"
                               "3-ZZZ-007,PDAR,NCE,240.00,40.00,EUR\n";

struct fleet *fleet_demo(struct buffer *error)
{
    return fleet_parse("demo fleet", demo_csv, strlen(demo_csv), error);
}
