/* config_rows.h - how a row of the configuration's table (config_schema.c) is written.
 *
 * A row says name, range, default and sentence; what it has beside them stands behind as designated fields. The default
 * is in the words of a file, since it is read as what a file says is read: "" is none, 0 and false. */
#ifndef WEIR_CONFIG_CONFIG_ROWS_H
#define WEIR_CONFIG_CONFIG_ROWS_H

#include "config/config_schema.h"

#define ROW(kind, key, usual, says, ...) \
    { .name = STR(key), .value = value_##kind, .fallback = STR(usual), .sentence = STR(says), __VA_ARGS__ }
#define ANY(key, usual, says, ...) ROW(any, key, usual, says, __VA_ARGS__)
#define TEXT(key, usual, says, ...) ROW(string, key, usual, says, __VA_ARGS__)
#define TEXTS(key, usual, says, ...) ROW(strings, key, usual, says, __VA_ARGS__)
#define BOOL(key, usual, says, ...) ROW(bool, key, usual, says, __VA_ARGS__)
#define MAP(key, says, ...) ROW(map, key, "", says, __VA_ARGS__)
#define SECTION(key, of, says, ...) ROW(section, key, "", says, .inner = of, __VA_ARGS__)
#define NAMED(key, of, says, ...) ROW(named, key, "", says, .inner = of, __VA_ARGS__)
#define LIST(key, of, says, ...) ROW(list, key, "", says, .inner = of, __VA_ARGS__)
/* Of words that only the configuration knows, separated by |; of words that a table of the code has. */
#define CHOICE(key, words, usual, says, ...) ROW(choice, key, usual, says, .choices = STR(words), __VA_ARGS__)
#define WORD(key, table, usual, says, ...) ROW(choice, key, usual, says, .word = table, __VA_ARGS__)
/* With the least and the most that is allowed. */
#define INT(key, lo, hi, usual, says, ...) ROW(int, key, usual, says, .least = lo, .most = hi, __VA_ARGS__)
#define NUMBER(key, lo, hi, usual, says, ...) ROW(number, key, usual, says, .least = lo, .most = hi, __VA_ARGS__)
#define NUMBERS(key, lo, hi, usual, says, ...) ROW(numbers, key, usual, says, .least = lo, .most = hi, __VA_ARGS__)
#define SECONDS(key, lo, hi, usual, says, ...) ROW(seconds, key, usual, says, .least = lo, .most = hi, __VA_ARGS__)
#define MILLISECONDS(key, lo, hi, usual, says, ...) \
    ROW(milliseconds, key, usual, says, .least = lo, .most = hi, __VA_ARGS__)
#define SAME(key, of) ROW(any, key, "", "Another spelling of `" of "`.", .synonym_of = STR(of))

#endif
