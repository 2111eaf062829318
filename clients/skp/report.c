#include "report.h"

void report_count_request(struct report *report, const struct request_view *view)
{
    bool recorded = view->state == SKP__V1__REQUEST_STATE__REQUEST_STATE_RECORDED;
    bool letter = view->route == ROUTE_LETTER || view->unsealable || recorded;
    bool digital = view->route == ROUTE_DIGITAL && view->stage == STAGE_STORED && !letter;
    bool answered = views_answered(view);
    report->requests++;
    report->published += digital && view->due_date != 0;
    report->collected += digital && view->collected;
    report->answered += digital && answered;
    report->recorded += recorded;
    report->unreadable += view->unsealable;
    report->pre_agreed +=
        digital && answered && view->consent == SKP__V1__CONSENT__CONSENT_PRE_AGREED;
    report->late += view->state == SKP__V1__REQUEST_STATE__REQUEST_STATE_ANSWERED_LATE;
    report->overdue += view->state == SKP__V1__REQUEST_STATE__REQUEST_STATE_OVERDUE;
    report->open +=
        digital && !answered && view->state != SKP__V1__REQUEST_STATE__REQUEST_STATE_OVERDUE;
    report->off_network += letter;
    report->ambiguous += view->route == ROUTE_AMBIGUOUS;
    report->refused += view->route == ROUTE_REFUSED || view->stage == STAGE_REFUSED;
}

void report_count_case(struct report *report, Skp__V1__CaseState state)
{
    report->cases++;
    report->incomplete += state == SKP__V1__CASE_STATE__CASE_STATE_INCOMPLETE;
    report->inventory += state == SKP__V1__CASE_STATE__CASE_STATE_INVENTORY;
    report->complete += state == SKP__V1__CASE_STATE__CASE_STATE_COMPLETE;
}

size_t report_letters_replaced(const struct report *report)
{
    return report->collected + report->answered + 2 * report->pre_agreed;
}
