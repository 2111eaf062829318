/* Mistakes that can be switched on, to show that a test would find them.
 *
 * A test build (SKP_MUTANTS; every build with sanitizers is one) reads the name of at most one
 * mutant from the environment variable SKP_MUTANT, says aloud that it is on, and from then on makes
 * that mistake wherever MUTANT(name) stands. An unknown name ends the process. In every other build
 * MUTANT() is the constant false and the variable is not read.
 *
 * tests/fault/mutants runs the named test of each mutant and demands that it fails. */
#ifndef SKP_MUTANT_H
#define SKP_MUTANT_H

#include <stdbool.h>

/* name, what it breaks, program and test that must find it. tests/fault/mutants reads this list. */
/* clang-format off */
#define MUTANTS(X)                                                                                 \
    X(sync_normal, "commits are not synced before they are acknowledged",                          \
      "fault_test_power_cut", "nothing_acknowledged_is_lost_when_the_power_goes")                  \
    X(settle_skipped, "receipts are given again before the start has synced what they rest on",    \
      "fault_test_power_cut", "nothing_acknowledged_is_lost_when_the_power_goes")                  \
    X(ack_before_commit, "a receipt goes out though the commit did not come through",              \
      "fault_test_power_cut", "nothing_acknowledged_is_lost_when_the_power_goes")                  \
    X(sync_error_forgiven, "after a failed sync the store goes on as if nothing had been promised",\
      "contract_test_store_fault", "after_a_failed_sync_nothing_is_promised_any_more")             \
    X(full_disk_is_final, "a full disk ends the store until the next start",                       \
      "contract_test_store_fault", "a_full_disk_refuses_reads_on_and_recovers_without_restart")    \
    X(sum_not_checked, "a row that differs from its checksum is returned as if it were right",     \
      "contract_test_store_damage", "a_changed_value_is_data_loss")                                \
    X(page_sum_not_checked, "a page that rotted on the disk is read as if it were right",          \
      "contract_test_store_damage", "a_row_that_a_flipped_bit_hides_is_data_loss")                 \
    X(version_not_checked, "a page is saved over the change of somebody else",                     \
      "contract_test_store", "a_wrong_version_ends_the_whole_transaction")                         \
    X(dedup_off, "a batch sent again takes effect again",                                          \
      "unit_engine_test_intake", "a_duplicate_gets_the_original_receipt")                          \
    X(other_bytes_taken, "other bytes under a known batch id pass for the known ones",             \
      "unit_engine_test_intake", "other_bytes_under_the_same_batch_id_are_refused")                \
    X(bundle_id_used_twice, "a bundle takes the place of another one",                             \
      "unit_engine_test_refusals", "a_bundle_id_is_used_for_one_bundle")                           \
    X(refused_line_delivered, "lines that were refused reach the addressee",                       \
      "unit_engine_test_intake", "refused_lines_are_withheld_from_the_creditor")                   \
    X(sender_not_compared, "one participant sends in the name of another",                         \
      "unit_engine_test_refused_batches", "the_sender_is_who_the_certificate_says")                \
    X(root_not_compared, "bundles are taken that nobody signed",                                   \
      "unit_engine_test_refused_batches", "bundles_add_up_to_the_signed_root")                     \
    X(age_not_checked, "a batch that was forgotten by dedup is taken again",                       \
      "unit_engine_test_refused_batches", "a_batch_is_neither_old_nor_of_tomorrow")                \
    X(commitment_not_needed, "a line without a commitment brings a sealed part",                   \
      "unit_engine_test_refusals", "sealed_parts_and_commitments_go_together")                     \
    X(said_twice_taken, "one batch says two things about one request",                             \
      "unit_engine_test_refusals", "the_second_mention_is_refused")                                \
    X(intake_without_end, "who sends much takes the memory of all",                                \
      "unit_engine_test_refused_batches", "the_intake_budget_is_one_for_all")                      \
    X(stranger_answers, "a creditor answers what another one was asked",                           \
      "unit_engine_test_refusals", "only_what_one_received_can_be_answered")                       \
    X(lane_swapped, "two messages of one lane change places",                                      \
      "unit_engine_test_model", "whatever_happens_nothing_acknowledged_is_lost")                   \
    X(lease_ignored, "two workers get the same lane at once",                                      \
      "unit_engine_test_mailbox", "a_lease_holds_its_lane")                                        \
    X(collected_stays, "what was collected comes again after a start",                             \
      "fault_test_power_cut", "nothing_acknowledged_is_lost_when_the_power_goes")                  \
    X(collect_unsigned, "mail goes away without the signature of its addressee",                   \
      "unit_engine_test_mailbox", "a_statement_is_signed_by_who_collects")                         \
    X(items_not_signed, "mail goes away that its addressee did not sign for",                      \
      "unit_engine_test_collect", "the_items_are_those_that_were_signed")                          \
    X(proof_not_checked, "a broker proves with a statement what is not in it",                     \
      "unit_skp_test_collected", "a_bundle_that_is_not_in_the_statement_is_not_collected")         \
    X(watermark_not_checked, "a store whose end is missing starts as if nothing had been promised", \
      "unit_engine_test_restart", "a_store_without_its_end_is_refused_until_the_loss_is_accepted") \
    X(head_not_compared, "a broker that lost commits serves all the same",                         \
      "unit_engine_test_hello", "a_head_beyond_ours_ends_all_service")                             \
    X(credit_ignored, "a session gets more bytes than it has room for",                            \
      "unit_engine_test_mailbox", "credit_is_counted_in_bytes")                                    \
    X(deadline_twice, "what is due happens twice",                                                 \
      "unit_engine_test_rounds", "a_round_opens_once_for_each_hour_of_its_schedule")               \
    X(complete_told_again, "a case is told complete more than once",                               \
      "unit_engine_test_answers", "a_complete_case_is_told_once")                                  \
    X(note_counted_twice, "one answer counts as two, and a case is complete too early",            \
      "unit_engine_test_answers", "a_complete_case_is_told_once")                                  \
    X(place_given_twice, "the answers of two cases are counted as of one",                         \
      "unit_engine_test_counting", "two_cases_of_one_letter_share_a_row_and_are_each_told_once")   \
    X(overdue_is_yes, "a creditor that stays silent counts as one that answered",                  \
      "unit_domain_test_request", "silence_is_never_consent")                                      \
    X(correction_without_reason, "an answer changes and nobody says why",                          \
      "unit_domain_test_request_answer", "a_correction_needs_a_reason_and_the_next_version")       \
    X(stale_answer_taken, "an older version takes the place of a newer one",                       \
      "unit_domain_test_request_answer", "other_content_under_an_old_version_is_stale")            \
    X(text_not_compared, "an answer to one text is filed under another",                           \
      "unit_domain_test_request_answer", "an_answer_to_another_text_is_refused")                   \
    X(cents_sign, "claims are subtracted where they are added",                                    \
      "unit_domain_test_request_answer", "an_answer_in_time_is_taken")                             \
    X(bsn_right_off, "a BSN goes to who may not have it",                                          \
      "unit_engine_test_refusals", "a_bsn_goes_only_to_those_entitled")                            \
    X(scope_ignored, "an agreement binds outside what was agreed",                                 \
      "unit_domain_test_agreement", "every_claim_kind_must_be_in_scope")                           \
    X(calendar_off_by_one, "terms end a day early",                                                \
      "unit_base_test_calendar", "ten_working_days_over_christmas_end_in_january")                 \
    X(frame_limit_off, "a frame is as large as its sender likes",                                  \
      "unit_proto_test_frame", "a_length_over_the_limit_is_refused_before_anything_is_allocated")  \
    X(crl_off, "a revoked certificate is as good as any",                                          \
      "unit_proto_test_identity", "a_revoked_certificate_is_refused")                              \
    X(waiting_expires, "mail is lost when its sender's certificate ends while it waits",           \
      "unit_proto_test_envelope_expired", "mail_outlives_the_certificate_of_its_signer")           \
    X(expired_signs, "who has an expired certificate goes on signing with it",                     \
      "unit_proto_test_jws_period", "what_is_said_now_needs_a_certificate_of_now")                 \
    X(iat_not_judged, "an expired certificate signs for ever after",                               \
      "unit_proto_test_jws_period", "what_was_signed_after_the_end_is_refused_for_ever")           \
    X(signer_not_compared, "anybody signs for anybody",                                            \
      "unit_engine_test_refused_batches", "the_signer_is_the_sender")                              \
    X(replay_to_other, "a delivery for one participant is taken by another",                       \
      "unit_proto_test_envelope_proof", "a_delivery_for_another_is_refused")                       \
    X(box_of_other_place, "a key box opens in another batch than its own",                         \
      "unit_proto_test_seal", "a_box_of_another_place_is_refused")                                 \
    X(commitment_not_compared, "a person part is taken that the line does not commit to",          \
      "unit_proto_test_seal", "a_part_that_is_not_what_the_line_commits_to_is_told_apart")
/* clang-format on */

enum mutant {
#define X(name, breaks, program, test) MUTANT_##name,
    MUTANTS(X)
#undef X
        MUTANT_COUNT
};

#ifdef SKP_MUTANTS
bool mutant_is_on(enum mutant mutant);
#define MUTANT(name) mutant_is_on(MUTANT_##name)
#else
#define MUTANT(name) ((void)MUTANT_##name, false)
#endif

#endif
