/* Numbers as people read them. */
#ifndef LYCEUM_APP_FORMAT_H
#define LYCEUM_APP_FORMAT_H

#include <stdint.h>

#define LYC__SHORT 32

void lyc__format_count(uint64_t count, char out[LYC__SHORT]);    /* "54,000" */
void lyc__format_rate(double rate, char out[LYC__SHORT]);        /* "0.52", "51.2", "1,240" */
void lyc__format_duration(double seconds, char out[LYC__SHORT]); /* "0:07", "12:40", "3:02:10" */
void lyc__format_bytes(double bytes, char out[LYC__SHORT]);      /* "812 B", "1.5 GiB" */
void lyc__format_percent(double share, char out[LYC__SHORT]);    /* "88.21 %", "-" for NaN */

#endif
