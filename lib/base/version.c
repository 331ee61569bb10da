/* The only object that is compiled anew for another commit. */
#include "lib/base/version.h"

#ifdef BOOKING_COMMIT
const char version_text[] = BOOKING_VERSION " (" BOOKING_COMMIT ")";
#else
const char version_text[] = BOOKING_VERSION;
#endif
