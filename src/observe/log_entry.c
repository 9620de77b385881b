/* log_entry.c - entries written and read. A writer's cost is here: a few moves a field, and nothing that looks at a
 * string's bytes. */
#include "observe/log_entry.h"

#include "base/check.h"

struct entry_field {
    const char *name;
    uint32_t len; /* of a string's bytes, which stand behind in multiples of 8; else a number stands there */
    uint8_t name_len, kind;
};

static bool holds_string(enum log_kind kind) { return kind == log_kind_str || kind == log_kind_said; }

static size_t string_kept(const struct log_field *field, size_t string_most) {
    return field->str.len < string_most ? field->str.len : string_most;
}

static size_t field_bytes(const struct log_field *field, size_t string_most) {
    size_t value = holds_string(field->kind) ? (string_kept(field, string_most) + 7) & ~(size_t)7 : sizeof(uint64_t);
    return sizeof(struct entry_field) + value;
}

struct log_entry log_entry_for(const struct log_site *site, int64_t wall_ns, const struct log_field *fields,
                               size_t count, size_t string_most) {
    size_t bytes = sizeof(struct log_entry), fit = 0;
    for (; fit < count; fit++) {
        if (fields[fit].kind == log_kind_none) continue;
        size_t more = field_bytes(&fields[fit], string_most);
        if (bytes + more > log_entry_bytes) break;
        bytes += more;
    }
    CHECKF(count <= log_fields_max, "event=%s count=%zu", site->event, count);
    return (struct log_entry){.bytes = (uint32_t)bytes,
                              .count = (uint8_t)fit,
                              .level = (uint8_t)site->level,
                              .cut = fit < count,
                              .event = site->event,
                              .wall_ns = wall_ns};
}

void log_entry_write(char *at, const struct log_entry *entry, const struct log_field *fields, size_t string_most) {
    char *to = at + sizeof *entry;
    struct log_entry head = *entry;
    head.count = 0;
    for (size_t i = 0; i < entry->count; i++) {
        const struct log_field *field = &fields[i];
        if (field->kind == log_kind_none) continue;
        bool string = holds_string(field->kind);
        size_t len = string ? string_kept(field, string_most) : 0;
        const struct entry_field its = {field->name.at, (uint32_t)len, (uint8_t)field->name.len, (uint8_t)field->kind};
        memcpy(to, &its, sizeof its);
        to += sizeof its;
        if (!string)
            memcpy(to, &field->count, sizeof field->count);
        else if (len)
            memcpy(to, field->str.at, len);
        to += string ? (len + 7) & ~(size_t)7 : sizeof field->count;
        head.count++;
    }
    memcpy(at, &head, sizeof head);
    CHECKF((size_t)(to - at) == entry->bytes, "event=%s bytes=%u", entry->event, entry->bytes);
}

size_t log_entry_read(const char *at, struct log_field fields[log_fields_max]) {
    const struct log_entry *entry = (const struct log_entry *)at;
    const char *from = at + sizeof *entry;
    CHECKF(entry->count <= log_fields_max, "count=%u", entry->count);
    for (size_t i = 0; i < entry->count; i++) {
        struct entry_field its;
        memcpy(&its, from, sizeof its);
        from += sizeof its;
        fields[i].name = str_make(its.name, its.name_len);
        fields[i].kind = (enum log_kind)its.kind;
        if (holds_string(fields[i].kind)) {
            fields[i].str = str_make(from, its.len);
            from += (its.len + 7) & ~(size_t)7;
        } else {
            memcpy(&fields[i].count, from, sizeof fields[i].count);
            from += sizeof fields[i].count;
        }
    }
    return entry->count;
}
