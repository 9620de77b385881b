/* date.h - moments as texts say them. Pure; the calendar is the proleptic Gregorian one, in UTC. */
#ifndef WEIR_DIALECT_DATE_H
#define WEIR_DIALECT_DATE_H

#include "base/str.h"

/* An HTTP date in any of its three forms (RFC 9110, 5.6.7). A year of two digits is the one nearest before now_s + 50
 * years. The day's name is not compared with the date. Seconds since 1970; false: it is no date. */
bool date_read_http(struct str text, int64_t now_s, int64_t *seconds);

/* 2025-06-23T10:26:53.5Z, or with an offset such as +02:00 (RFC 3339). Milliseconds since 1970; false: it is none. */
bool date_read_rfc3339(struct str text, int64_t *milliseconds);

#endif
