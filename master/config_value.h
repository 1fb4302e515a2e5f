/* config_value.h - one parser a type of value.  Each checks `text` against the rule and stores into
 * the configuration; false with a reason (at most 255 bytes) that names what is wrong. */
#ifndef MASTER_CONFIG_VALUE_H
#define MASTER_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct value_rule {
    size_t offset, size; /* of the field in struct config */
    uint64_t min, max;
    const char *const *words; /* of a value_word: its index is stored */
};

bool value_number(const struct value_rule *rule, const char *text, void *config, char *err);
bool value_size(const struct value_rule *rule, const char *text, void *config, char *err); /* K M G */
bool value_time(const struct value_rule *rule, const char *text, void *config, char *err); /* -> ms */
bool value_ring(const struct value_rule *rule, const char *text, void *config, char *err);
bool value_word(const struct value_rule *rule, const char *text, void *config, char *err);
bool value_workers(const struct value_rule *rule, const char *text, void *config, char *err);
bool value_room(const struct value_rule *rule, const char *text, void *config, char *err);
bool value_path(const struct value_rule *rule, const char *text, void *config, char *err);
bool value_control(const struct value_rule *rule, const char *text, void *config, char *err);
bool value_motd(const struct value_rule *rule, const char *text, void *config, char *err);
bool value_listen(const struct value_rule *rule, const char *text, void *config, char *err);
bool value_network(const struct value_rule *rule, const char *text, void *config, char *err);

#endif
