/* Which build this is. */
#ifndef LIB_BASE_VERSION_H
#define LIB_BASE_VERSION_H

/* The version, and behind it the commit it was built from where that is known: "0.1.0 (abc1234)".
 */
extern const char version_text[];

#endif
