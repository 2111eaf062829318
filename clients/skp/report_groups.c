#include "report_groups.h"

#include "calendar.h"
#include "merkle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUPS_MAX       ((size_t)1 << 24)
#define GROUPS_MAX_BYTES ((size_t)1 << 32)

enum skp_err report_groups_init(struct report_groups *groups, enum report_by by)
{
    *groups = (struct report_groups){.by = by};
    arena_init(&groups->arena, GROUPS_MAX_BYTES);
    return map_init(&groups->found, HASH_BYTES, 256, GROUPS_MAX);
}

void report_groups_fini(struct report_groups *groups)
{
    map_fini(&groups->found);
    arena_fini(&groups->arena);
    free(groups->list);
    groups->list = NULL;
}

/* What this request belongs to, without its counts. Its name is borrowed from the view. */
static struct report_group describe(const struct report_groups *groups,
                                    const struct request_view *view)
{
    struct report_group group = {.name = ""};
    plain_date date = calendar_date_of_ms(view->case_created_at_ms);
    switch (groups->by) {
    case REPORT_WHOLE:
        break;
    case REPORT_BY_CASE:
        group.name = view->dossier;
        break;
    case REPORT_BY_CREDITOR:
        group.name = view->creditor_name;
        group.oin = view->creditor;
        break;
    case REPORT_BY_MUNICIPALITY:
        group.oin = view->responsible;
        group.year = date / 10000;
        group.quarter = (date / 100 % 100 - 1) / 3 + 1;
        break;
    }
    return group;
}

/* Offices write the name of one creditor in several ways; an OIN tells that they are one. */
static struct skp_hash key_of(const struct report_group *group)
{
    char text[512];
    int len = snprintf(text, sizeof text, "%s;%d;%d;%s", group->oin.text, group->year,
                       group->quarter, group->oin.text[0] != '\0' ? "" : group->name);
    return sha256(span_of(text, len < 0 ? 0 : strlen(text)));
}

static enum skp_err add_group(struct report_groups *groups, const struct report_group *described,
                              const struct skp_hash *key, struct report_group **ret_group)
{
    struct report_group *group = arena_copy(&groups->arena, described, sizeof *described);
    if (group)
        group->name = arena_copy(&groups->arena, described->name, strlen(described->name) + 1);
    if (!group || !group->name)
        return SKP_E_NO_MEMORY;
    if (groups->count == groups->room) {
        size_t room = groups->room > 0 ? 2 * groups->room : 64;
        struct report_group **list =
            reallocarray(groups->list, room, sizeof(struct report_group *));
        if (!list)
            return SKP_E_NO_MEMORY;
        groups->list = list;
        groups->room = room;
    }
    groups->list[groups->count++] = group;
    *ret_group = group;
    return map_put(&groups->found, key->bytes, group);
}

static enum skp_err find_group(struct report_groups *groups, const struct request_view *view,
                               struct report_group **ret_group)
{
    struct report_group described = describe(groups, view);
    struct skp_hash key = key_of(&described);
    struct report_group *group = map_get(&groups->found, key.bytes);
    if (!group)
        return add_group(groups, &described, &key, ret_group);
    *ret_group = group;
    return SKP_OK;
}

/* A case counts with each of its creditors, as a case of which something is known or not. */
static void close_case(struct report_groups *groups)
{
    if (groups->tally.requests == 0)
        return;
    Skp__V1__CaseState state = views_case_state(&groups->tally);
    report_count_case(&groups->total, state);
    if (groups->by == REPORT_BY_CASE || groups->by == REPORT_BY_MUNICIPALITY)
        report_count_case(&groups->group->report, state);
    groups->group->state = state;
    groups->tally = (struct case_tally){0};
}

enum skp_err report_groups_add(struct report_groups *groups, const struct request_view *view)
{
    struct report_group *group = NULL;
    if (!id_equal(&groups->case_id, &view->case_id))
        close_case(groups);
    enum skp_err err = find_group(groups, view, &group);
    if (err)
        return err;
    groups->case_id = view->case_id;
    groups->group = group;
    views_tally(&groups->tally, view);
    report_count_request(&groups->total, view);
    report_count_request(&group->report, view);
    if (groups->by == REPORT_BY_CREDITOR && !id_equal(&group->last_case, &view->case_id))
        group->report.cases++;
    group->last_case = view->case_id;
    return SKP_OK;
}

void report_groups_finish(struct report_groups *groups)
{
    close_case(groups);
}

bool report_is_suppressed(size_t count)
{
    return count > 0 && count < REPORT_SUPPRESS_BELOW;
}
