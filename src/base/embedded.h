/* embedded.h - files of the source tree that are compiled in (scripts/embed): NUL-ended, with their length without the
 * NUL. */
#ifndef WEIR_BASE_EMBEDDED_H
#define WEIR_BASE_EMBEDDED_H

extern const char catalog_built_in_jsonl[], web_index_html[];
extern const unsigned long catalog_built_in_jsonl_len, web_index_html_len;

#endif
