#include "ctl_command.h"

#include <stdio.h>
#include <string.h>

const struct ctl_command ctl_commands[] = {
    {"status", NULL, "status", CTL_ASK, "how the broker is", {{0}}},
    {"participant",
     "add",
     "participant.add",
     CTL_ASK,
     "register a participant, or change its entry",
     {{"--oin", "oin", CTL_TEXT, true, "20 characters, as in its certificates"},
      {"--name", "name", CTL_TEXT, true, "as others see it"},
      {"--role", "roles", CTL_LIST, true, "counsellor, creditor; may be repeated"},
      {"--search-name", "search_names", CTL_LIST, false, "another name to be found by"},
      {"--brand", "brands", CTL_LIST, false, "a brand or label"},
      {"--claim-kind", "claim_kinds", CTL_LIST, false, "HEALTH, ENERGY, ... (proto/skp.proto)"},
      {"--postal-address", "postal_address", CTL_TEXT, false, "for letters"},
      {"--bsn-entitled", "bsn_entitled", CTL_FLAG, false, "may receive a BSN by law"}}},
    {"participant",
     "import",
     "participant.add",
     CTL_IMPORT,
     "the same for many: a CSV file, or one JSON object per line of standard input",
     {{"FILE", "file", CTL_TEXT, false, "CSV file, see clients/CSV.md"}}},
    {"participant", "list", "participant.list", CTL_ASK, "who takes part", {{0}}},
    {"participant",
     "show",
     "participant.show",
     CTL_SUM,
     "one of them, and what became of the requests to it or from it",
     {{"OIN", "oin", CTL_OIN, true, "its OIN"}}},
    {"agreement",
     "admit",
     "agreement.admit",
     CTL_ASK,
     "take in an agreement signed by creditor and counsellors",
     {{"FILE", "file_base64", CTL_FILE, true, "the signed agreement"}}},
    {"agreement", "list", "agreement.list", CTL_ASK, "agreements and their next round", {{0}}},
    {"round",
     "open",
     "round.open",
     CTL_ASK,
     "open a round by hand",
     {{"--agreement", "agreement_id", CTL_TEXT, true, "id, from agreement list"},
      {"--reason", "reason", CTL_TEXT, true, "why; it is kept"},
      {"--again", "again", CTL_FLAG, false, "although one opened by hand still runs"}}},
    {"round",
     "close",
     "round.close",
     CTL_ASK,
     "close a round by hand",
     {{"--round", "round_id", CTL_TEXT, true, "id, from round list"},
      {"--reason", "reason", CTL_TEXT, true, "why; it is kept"}}},
    {"round",
     "list",
     "round.list",
     CTL_ASK,
     "rounds, oldest first: items on the overview, new ones among them",
     {{"--creditor", "creditor", CTL_OIN, false, "only those of this OIN"},
      {"--since", "since", CTL_TEXT, false, "only those opened on or after 2026-12-03"}}},
    {"round",
     "show",
     "round.show",
     CTL_ASK,
     "what became of the requests of one round",
     {{"ROUND", "round_id", CTL_TEXT, true, "id, from round list"}}},
    {"mailbox", "list", "mailbox.list", CTL_ASK, "what waits for whom", {{0}}},
    {"deadline", "list", "deadline.list", CTL_ASK, "what happens when", {{0}}},
    {"deadline",
     "release",
     "deadline.release",
     CTL_ASK,
     "let what is due happen, after deadlines were held; see the list first",
     {{"--count", "count", CTL_COUNT, true, "how many are due, from deadline list"},
      {"--reason", "reason", CTL_TEXT, true, "why; it is logged"}}},
    {"damage", "list", "damage.list", CTL_ASK, "damaged or unreadable rows set aside", {{0}}},
    {"clock", "show", "clock.show", CTL_ASK, "business time", {{0}}},
    {"clock",
     "advance",
     "clock.advance",
     CTL_ADVANCE,
     "let time go by; only in a store made for play",
     {{"--to", "to", CTL_TEXT, false, "2026-12-03T07:00, Amsterdam time"},
      {"--working-days", "working_days", CTL_INT, false, "that many working days on"}}},
    {"session", "list", "sessions", CTL_ASK, "who is connected", {{0}}},
    {"metrics", NULL, "metrics", CTL_ASK, "counters in Prometheus' text format", {{0}}},
    {"reload", NULL, "reload", CTL_ASK, "read certificates, CA and CRLs anew", {{0}}},
    {"stop", NULL, "stop", CTL_STOP, "finish what is under way and stop; waits for it", {{0}}},
    {"explain",
     NULL,
     NULL,
     CTL_EXPLAIN,
     "what an error means and what to do",
     {{"CODE", "code", CTL_TEXT, false, "number or name; without it the whole list"}}},
};

const size_t ctl_command_count = sizeof ctl_commands / sizeof ctl_commands[0];

static bool is_prefix(const char *word, const char *whole)
{
    return strncmp(word, whole, strlen(word)) == 0;
}

/* How well `word` names `whole`: 2 in full, 1 as a beginning, 0 not. */
static int match(const char *word, const char *whole)
{
    if (strcmp(word, whole) == 0)
        return 2;
    return word[0] != '\0' && is_prefix(word, whole) ? 1 : 0;
}

static void append(char *ret_why, const char *text)
{
    size_t used = strlen(ret_why);
    snprintf(ret_why + used, CTL_WHY_BYTES - used, "%s", text);
}

/* The one noun that `word` stands for; NULL when none or several. */
static const char *find_noun(const char *word, char *ret_why)
{
    const char *found = NULL;
    unsigned count = 0;
    snprintf(ret_why, CTL_WHY_BYTES, "%s may mean:", word);
    for (size_t i = 0; i < ctl_command_count; i++) {
        const char *noun = ctl_commands[i].noun;
        int how = match(word, noun);
        if (how == 2)
            return noun;
        if (how == 0 || (found != NULL && strcmp(found, noun) == 0))
            continue;
        found = noun;
        count++;
        append(ret_why, " ");
        append(ret_why, noun);
    }
    if (count == 0)
        snprintf(ret_why, CTL_WHY_BYTES, "%s is no command; see skpctl --help", word);
    return count == 1 ? found : NULL;
}

static const struct ctl_command *find_verb(const char *noun, const char *word, char *ret_why)
{
    const struct ctl_command *found = NULL;
    unsigned count = 0;
    snprintf(ret_why, CTL_WHY_BYTES, "%s needs one of:", noun);
    for (size_t i = 0; i < ctl_command_count; i++) {
        const struct ctl_command *command = &ctl_commands[i];
        if (command->verb == NULL || strcmp(command->noun, noun) != 0)
            continue;
        append(ret_why, " ");
        append(ret_why, command->verb);
        int how = match(word, command->verb);
        if (how == 2)
            return command;
        if (how == 1) {
            found = command;
            count++;
        }
    }
    return count == 1 ? found : NULL;
}

const struct ctl_command *ctl_command_find(int count, char *const *words, int *ret_words,
                                           char *ret_why)
{
    const char *noun = find_noun(count > 0 ? words[0] : "", ret_why);
    if (noun == NULL)
        return NULL;
    for (size_t i = 0; i < ctl_command_count; i++) {
        if (strcmp(ctl_commands[i].noun, noun) == 0 && ctl_commands[i].verb == NULL) {
            *ret_words = 1;
            return &ctl_commands[i];
        }
    }
    *ret_words = 2;
    return find_verb(noun, count > 1 ? words[1] : "", ret_why);
}
