/* What the unit tests share: cmocka with the headers it needs, and reading test data. */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* The whole file, with a NUL behind it, to be freed; NULL when it cannot be opened. Tests run in
 * the repository's root. */
static inline char *unit_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    size_t capacity = 1 << 20;
    char *text = malloc(capacity);
    assert_non_null(text);
    size_t count = fread(text, 1, capacity - 1, file);
    assert_true(count < capacity - 1);
    text[count] = '\0';
    fclose(file);
    if (size)
        *size = count;
    return text;
}

/* The same for a file that must be there, without the newline at its end. */
static inline char *unit_expected(const char *path)
{
    size_t size = 0;
    char *text = unit_read(path, &size);
    if (!text)
        fail_msg("%s is missing", path);
    if (size && text[size - 1] == '\n')
        text[size - 1] = '\0';
    return text;
}

/* Calls `check` for each file in `folder` whose name ends in `suffix`, with its path without that;
 * returns how many there were. */
static inline int unit_each_file(const char *folder, const char *suffix,
                                 void (*check)(const char *path))
{
    int count = 0;
    DIR *directory = opendir(folder);
    if (!directory)
        fail_msg("%s is missing", folder);
    for (struct dirent *entry; (entry = readdir(directory));) {
        size_t size = strlen(entry->d_name), end = strlen(suffix);
        if (size <= end || strcmp(entry->d_name + size - end, suffix) != 0)
            continue;
        char path[512];
        snprintf(path, sizeof path, "%s/%.*s", folder, (int)(size - end), entry->d_name);
        check(path);
        count++;
    }
    closedir(directory);
    return count;
}

/* A small generator for property-style loops: the same numbers every run (xorshift64). */
static inline uint64_t unit_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

#endif
