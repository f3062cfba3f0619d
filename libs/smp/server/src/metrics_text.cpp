#include "simplex/smp/server/metrics_text.hpp"

#include <fmt/format.h>

#include "simplex/smp/server/statistics_file.hpp"

namespace simplex::smp::server {
namespace {

// Values carry no time of their own: the file is as old as its first line says, and an endpoint is asked now.
class Metrics {
 public:
  explicit Metrics(std::string& text) : text_(text) {}

  void begin(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  template <class Number>
  void value(Number number, std::string_view labels = {}, std::string_view suffix = {}) {
    text_ += fmt::format("{}{}", name_, suffix);
    if (!labels.empty()) text_ += fmt::format("{{{}}}", labels);
    text_ += fmt::format(" {}\n", number);
  }
  template <class Number>
  void counter(std::string_view name, std::string_view help, Number number) {
    begin(name, "counter", help);
    value(number);
  }
  template <class Number>
  void gauge(std::string_view name, std::string_view help, Number number) {
    begin(name, "gauge", help);
    value(number);
  }
  void heading(std::string_view text) { text_ += fmt::format("\n# {}\n", text); }

 private:
  std::string& text_;
  std::string name_;
};

void queues(Metrics& out, const MetricsInput& in) {
  const auto& counts = in.counts;
  out.heading("Queues");
  out.counter("simplex_smp_queues_created", "Queues that were created.", counts.queues_created);
  out.counter("simplex_smp_queues_secured", "Queues that got a sender key.", counts.queues_secured);
  out.begin("simplex_smp_queues_deleted", "counter", "Queues that were deleted, and which of them were secured.");
  out.value(counts.queues_deleted, R"(type="all")");
  out.value(counts.queues_deleted_new, R"(type="new")");
  out.value(counts.queues_deleted_secured, R"(type="secured")");
  out.counter("simplex_smp_queues_blocked", "Queues that the operator blocked.", counts.queues_blocked);
  out.counter("simplex_smp_queues_deleted_batch", "Blocks with DEL in them.", counts.queues_deleted_batches);
  out.gauge("simplex_smp_queues_total", "Queues in the store.", in.totals.store.queues);
  out.gauge("simplex_smp_queues_total1", "Queues in the store.", in.totals.store.queues);
  out.gauge("simplex_smp_queues_total2", "Queues in the store.", in.totals.store.queues);
  const auto& active = in.status.active;
  out.gauge("simplex_smp_queues_daily", "Queues that were used today.", active.day);
  out.gauge("simplex_smp_queues_weekly", "Queues that were used this week.", active.week);
  out.gauge("simplex_smp_queues_monthly", "Queues that were used this month.", active.month);
  const auto& notified = in.status.active_with_notification;
  out.gauge("simplex_smp_queues_notify_daily", "Queues with messages that notify, today.", notified.day);
  out.gauge("simplex_smp_queues_notify_weekly", "Queues with messages that notify, this week.", notified.week);
  out.gauge("simplex_smp_queues_notify_monthly", "Queues with messages that notify, this month.", notified.month);
}

void subscriptions(Metrics& out, const Statistics& counts) {
  out.heading("Subscriptions");
  out.counter("simplex_smp_subscribtion_successes", "Subscriptions that found a message.", counts.subscriptions);
  out.counter("simplex_smp_subscribtion_successes_batch", "Blocks with SUB in them.", counts.subscription_batches);
  out.counter("simplex_smp_subscribtion_end", "Subscriptions that another connection took over.",
              counts.subscriptions_ended);
  out.counter("simplex_smp_subscribtion_end_batch", "The same, by connection that lost them.",
              counts.subscription_end_batches);
  out.begin("simplex_smp_subscribtion_errors", "counter", "Subscriptions that were refused.");
  out.value(counts.subscriptions_refused, R"(type="auth")");
  out.value(counts.subscriptions_duplicate, R"(type="duplicate")");
  out.value(counts.subscriptions_prohibited, R"(type="prohibited")");
}

void messages(Metrics& out, const MetricsInput& in) {
  const auto& counts = in.counts;
  out.heading("Messages");
  out.counter("simplex_smp_messages_sent", "Messages that were accepted.", counts.messages_sent);
  out.begin("simplex_smp_messages_sent_errors", "counter", "Messages that were refused.");
  out.value(counts.messages_refused, R"(type="auth")");
  out.value(counts.messages_over_quota, R"(type="quota")");
  out.value(counts.messages_too_large, R"(type="large")");
  out.value(counts.messages_to_blocked, R"(type="block")");
  out.counter("simplex_smp_messages_received", "Messages that were acknowledged.", counts.messages_received);
  out.counter("simplex_smp_messages_expired", "Messages that nobody received in time.", counts.messages_expired);
  out.gauge("simplex_smp_messages_total", "Messages in the store.", in.totals.store.messages);
  out.counter("simplex_smp_messages_notify_sent", "Messages with the notification flag that were accepted.",
              counts.messages_sent_with_notification);
  out.counter("simplex_smp_messages_notify_received", "Messages with the notification flag that were acknowledged.",
              counts.messages_received_with_notification);
  out.counter("simplex_smp_messages_notify_get_sent", "GET that gave a message.", counts.gets);
  out.counter("simplex_smp_messages_notify_get_received", "Messages acknowledged after GET.",
              counts.messages_received_by_get);
  out.begin("simplex_smp_messages_notify_get_errors", "counter", "GET that gave no message.");
  out.value(counts.gets_without_message, R"(type="nomsg")");
  out.value(counts.gets_refused, R"(type="auth")");
  out.value(counts.gets_duplicate, R"(type="duplicate")");
  out.value(counts.gets_prohibited, R"(type="prohibited")");
}

void notifications(Metrics& out, const MetricsInput& in) {
  const auto& counts = in.counts;
  out.heading("Notifications");
  out.counter("simplex_smp_queues_notify_created", "Notifiers that were added to queues.", counts.notifiers_created);
  out.counter("simplex_smp_queues_notify_new_created", "Queues that were created with a notifier.",
              counts.notifiers_new_created);
  out.counter("simplex_smp_queues_notify_deleted", "Notifiers that were removed.", counts.notifiers_deleted);
  out.counter("simplex_smp_queues_notify_deleted_batch", "Blocks with NDEL in them.", counts.notifier_delete_batches);
  out.gauge("simplex_smp_queues_notify_total", "Queues with a notifier.", in.totals.store.notifiers);
  out.gauge("simplex_smp_queues_notify_total1", "Notifications that wait.", in.totals.notifications);
  out.gauge("simplex_smp_queues_notify_total2", "Queues with a notifier.", in.totals.store.notifiers);
  out.counter("simplex_smp_messages_ntf_successes", "Notifications that were delivered.", counts.notifications);
  out.counter("simplex_smp_messages_ntf_successes_batch", "Deliveries of notifications.", counts.notification_batches);
  out.begin("simplex_smp_messages_ntf_errors", "counter", "Notifications that were not delivered.");
  out.value(counts.notifications_without_subscriber, R"(type="nosub")");
  out.value(counts.notifications_lost, R"(type="lost")");
  out.value(counts.notifications_expired, R"(type="expired")");
  out.counter("simplex_smp_subscription_ntf_requests", "Subscriptions of notifiers.", counts.notifier_subscriptions);
  out.counter("simplex_smp_subscription_ntf_requests_batch", "Blocks with NSUB in them.",
              counts.notifier_subscription_batches);
  out.begin("simplex_smp_subscribtion_ntf_errors", "counter", "Subscriptions of notifiers that were refused.");
  out.value(counts.notifier_subscriptions_refused, R"(type="auth")");
  out.value(counts.notifier_subscriptions_duplicate, R"(type="duplicate")");
}

void routing(Metrics& out, const Statistics& counts) {
  out.heading("Private routing");
  const auto family = [&](const std::string& name, const std::string& what, const ProxyStatistics& all,
                          const ProxyStatistics& own) {
    out.begin(name + "_requests", "counter", what + " that were asked for.");
    out.value(all.requests, R"(source="all")");
    out.value(own.requests, R"(source="own")");
    out.begin(name + "_successes", "counter", what + " that were answered by the other relay.");
    out.value(all.successes, R"(source="all")");
    out.value(own.successes, R"(source="own")");
    out.begin(name + "_errors", "counter", what + " that failed.");
    for (const auto& [source, part] : {std::pair("all", &all), {"own", &own}}) {
      out.value(part->connect_errors, fmt::format(R"(source="{}",type="connect")", source));
      out.value(part->compat_errors, fmt::format(R"(source="{}",type="compat")", source));
      out.value(part->other_errors, fmt::format(R"(source="{}",type="other")", source));
    }
  };
  family("simplex_smp_relay_sessions", "Sessions with other relays", counts.relays, counts.relays_own);
  family("simplex_smp_relay_messages", "Commands for other relays", counts.forwarded, counts.forwarded_own);
  out.counter("simplex_smp_relay_messages_received", "Commands that other relays forwarded to this one.",
              counts.forwarded_received);
}

void services(Metrics& out, const MetricsInput& in) {
  const auto& counts = in.counts;
  out.heading("Services");
  out.gauge("simplex_smp_rcv_services_count", "Receiving services.", in.totals.recipient_services);
  out.gauge("simplex_smp_rcv_services_queues_count", "Queues of receiving services.",
            in.totals.recipient_service_queues);
  out.gauge("simplex_smp_ntf_services_count", "Notification services.", in.totals.notifier_services);
  out.gauge("simplex_smp_ntf_services_queues_count", "Queues of notification services.",
            in.totals.notifier_service_queues);
  out.counter("simplex_smp_rcv_services_sub_msg_count", "Queues with a message when their service subscribed.",
              counts.recipient_service_messages);
  out.counter("simplex_smp_rcv_services_sub_duplicate_count", "Queues that were subscribed when their service was.",
              counts.recipient_service_duplicates);
  const auto family = [&](std::string_view kind, std::string_view who, const ServiceStatistics& part) {
    const auto each = [&](std::string_view name, std::string_view type, std::string_view what, std::uint64_t number) {
      out.begin(fmt::format("simplex_smp_{}_services_{}", kind, name), type, fmt::format("{} ({}).", what, who));
      out.value(number);
    };
    each("assoc_new", "counter", "Queues given to a service", part.assoc_new);
    each("assoc_duplicate", "counter", "Queues given to the service that has them", part.assoc_duplicate);
    each("assoc_updated", "counter", "Queues given to another service", part.assoc_updated);
    each("assoc_removed", "counter", "Queues taken from a service", part.assoc_removed);
    each("sub_count", "counter", "Subscriptions of services", part.sub_count);
    each("sub_duplicate", "counter", "Subscriptions of services that were subscribed", part.sub_duplicate);
    each("sub_queues", "gauge", "Queues that services subscribed to", part.sub_queues);
    each("sub_end", "gauge", "Subscriptions of services that another connection took over", part.sub_end);
    each("sub_ok", "gauge", "Subscriptions of services that know their queues", part.sub_ok);
    each("sub_more", "gauge", "Subscriptions where the relay has more queues", part.sub_more);
    each("sub_fewer", "gauge", "Subscriptions where the relay has fewer queues", part.sub_fewer);
    each("sub_diff", "gauge", "Subscriptions where the relay has other queues", part.sub_diff);
    each("sub_more_total", "gauge", "Queues that the relay had more", part.sub_more_total);
    each("sub_fewer_total", "gauge", "Queues that the relay had fewer", part.sub_fewer_total);
  };
  family("rcv", "receiving services", counts.recipient_services);
  family("ntf", "notification services", counts.notifier_services);
}

void names(Metrics& out, const NameStatistics& counts) {
  out.heading("Names");
  out.counter("simplex_smp_names_reqs", "RSLV commands.", counts.requests);
  out.counter("simplex_smp_names_success", "Names that were found.", counts.success);
  out.counter("simplex_smp_names_not_found", "Names that nobody has.", counts.not_found);
  out.counter("simplex_smp_names_resolver_errs", "Names that the resolver failed on.", counts.resolver_errors);
  out.counter("simplex_smp_names_disabled", "RSLV while there is no resolver.", counts.disabled);
}

std::string period_label(std::uint64_t from, std::uint64_t to) {
  return to == UINT64_MAX ? fmt::format(R"(period="{}+")", from) : fmt::format(R"(period="{}-{}")", from, to);
}

// Seconds from delivery to ACK, by the upper end of the bucket.
void ack_times(Metrics& out, const AckTimes& times) {
  std::uint64_t total = 0;
  for (const auto count : times.buckets) total += count;
  out.begin("simplex_smp_delivery_ack_confirmed_time", "histogram", "Seconds from delivery to ACK.");
  std::uint64_t until = 0;
  for (std::size_t i = 0; i < AckTimes::count; ++i) {
    if (times.buckets[i] == 0) continue;
    until += times.buckets[i];
    out.value(until, fmt::format(R"(le="{}")", AckTimes::seconds_of(i)), "_bucket");
  }
  out.value(total, R"(le="+Inf")", "_bucket");
  out.value(times.sum, {}, "_sum");
  out.value(total, {}, "_count");
  out.begin("simplex_smp_delivery_ack_confirmed_count", "counter", "Acknowledged deliveries by the time it took.");
  for (const auto& [from, to] : delivery_periods) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < AckTimes::count; ++i) {
      const auto seconds = AckTimes::seconds_of(i);
      if (seconds >= from && seconds < to) sum += times.buckets[i];
    }
    out.value(sum, period_label(from, to));
  }
}

void deliveries(Metrics& out, const DeliveryGauges& pending) {
  out.gauge("simplex_smp_delivered_total", "Deliveries that wait for ACK.", pending.total);
  out.gauge("simplex_smp_delivered_clients_total", "Connections that have not acknowledged all, for each thread.",
            pending.clients);
  out.begin("simplex_smp_delivery_ack_pending_count", "gauge", "Deliveries that wait for ACK, by their age.");
  for (std::size_t i = 0; i < delivery_periods.size(); ++i) {
    out.value(pending.periods[i], period_label(delivery_periods[i].first, delivery_periods[i].second));
  }
  out.gauge("simplex_smp_delivery_ack_time_max", "Seconds that the oldest of them waits.", pending.max_seconds);
}

void relay(Metrics& out, const MetricsInput& in) {
  const auto& status = in.status;
  out.heading("Relay");
  out.begin("simplex_smp_info", "gauge", "The program.");
  out.value(1, fmt::format(R"(version="{}",implementation="simplex-cpp")", in.version));
  const auto sockets = [&](std::string_view name, std::string_view help, auto of) {
    out.begin(name, "gauge", help);
    for (const auto& port : status.ports) out.value(of(port), fmt::format(R"(port="{}")", port.port));
  };
  sockets("simplex_smp_sockets_accepted", "Accepted sockets.", [](const auto& port) { return port.accepted; });
  sockets("simplex_smp_sockets_closed", "Closed sockets.", [](const auto& port) { return port.closed; });
  sockets("simplex_smp_sockets_active", "Open sockets.", [](const auto& port) { return port.active(); });
  sockets("simplex_smp_sockets_leaked", "Sockets that nobody owns: there are none here.",
          [](const auto&) { return 0; });
  out.gauge("simplex_smp_threads_total", "Threads of the process.", in.process.threads);
  out.gauge("simplex_smp_clients_total", "Connections that finished the handshake.", status.shards.clients);
  out.gauge("simplex_smp_subscribtion_total", "Subscribed queues.", status.shards.subscriptions);
  out.gauge("simplex_smp_subscribtion_clients_total", "Connections with subscriptions.",
            status.shards.subscribed_clients);
  out.gauge("simplex_smp_subscription_ntf_total", "Subscribed notifiers.", status.shards.notifier_subscriptions);
  out.gauge("simplex_smp_subscription_ntf_clients_total", "Connections with subscribed notifiers.",
            status.shards.notifier_clients);
  const auto& seats = status.services;
  out.gauge("simplex_smp_subscribtion_services_total", "Receiving services that are connected.", seats.recipient_seats);
  out.gauge("simplex_smp_subscribtion_service_subs_total", "Queues they are subscribed to.", seats.recipient_queues);
  out.gauge("simplex_smp_subscribtion_nts_services_total", "Notification services that are connected.",
            seats.notifier_seats);
  out.gauge("simplex_smp_subscription_ntf_service_subs_total", "Notifiers they are subscribed to.",
            seats.notifier_queues);
  out.gauge("simplex_smp_loaded_queues_queue_count", "Queues in memory.", status.queues_in_memory);
  out.gauge("simplex_smp_loaded_queues_ntf_count", "Notifiers of queues in memory.", status.shards.notifiers);
  out.gauge("simplex_smp_loaded_queues_open_journal_count", "Journals that are open: there are none here.", 0);
  out.gauge("simplex_smp_loaded_queues_queue_lock_count", "Locks of queues: there are none here.", 0);
  out.gauge("simplex_smp_loaded_queues_ntf_lock_count", "Locks of notifiers: there are none here.", 0);
  ack_times(out, in.counts.ack_times);
  deliveries(out, status.shards.deliveries);
}

void bounds(Metrics& out, const MetricsInput& in) {
  const auto& status = in.status;
  out.heading("Bounds (section LIMITS of smp-server.ini)");
  out.begin("simplex_smp_limit_max", "gauge", "What the bound allows.");
  for (const auto& limit : in.limits) out.value(limit.max, fmt::format(R"(limit="{}")", limit.limit));
  out.begin("simplex_smp_limit_current", "gauge", "How much of it is taken.");
  for (const auto& limit : in.limits) {
    if (limit.now) out.value(*limit.now, fmt::format(R"(limit="{}")", limit.limit));
  }
  out.begin("simplex_smp_limit_refused_total", "counter", "How often it refused something, since the start.");
  for (const auto& limit : in.limits) {
    if (limit.refused) out.value(*limit.refused, fmt::format(R"(limit="{}")", limit.limit));
  }
  out.counter("simplex_smp_handshakes_failed_total", "Connections that ended before the end of the SMP handshake.",
              status.counters.failed_handshakes);
  out.counter("simplex_smp_tls_refused_total", "Connections that ended before the end of the TLS handshake.",
              status.tls.refused);
  out.counter("simplex_smp_clients_inactive_total", "Connections that were closed because nothing happened on them.",
              status.counters.closed_inactive);
  out.counter("simplex_smp_blocks_received_total", "Blocks of clients.", status.counters.blocks_in);
  out.counter("simplex_smp_blocks_sent_total", "Blocks to clients.", status.counters.blocks_out);
  out.gauge("simplex_smp_addresses", "Addresses that have connections.", status.addresses.addresses);
}

// Only stores that keep everything are timed: memory answers at once.
void store(Metrics& out, const StoreTiming& timing) {
  out.heading("Store");
  const auto histogram = [&](std::string_view name, std::string_view help, const StoreTimes& times) {
    out.begin(name, "histogram", help);
    std::uint64_t until = 0;
    for (std::size_t i = 0; i < StoreTimes::ends.size(); ++i) {
      until += times.buckets[i];
      out.value(until, fmt::format(R"(le="{}")", static_cast<double>(StoreTimes::ends[i]) / 1e6), "_bucket");
    }
    until += times.buckets.back();
    out.value(until, R"(le="+Inf")", "_bucket");
    out.value(static_cast<double>(times.microseconds) / 1e6, {}, "_sum");
    out.value(until, {}, "_count");
  };
  histogram("simplex_smp_store_change_seconds", "From a change until it lasts.", timing.changes);
  histogram("simplex_smp_store_read_seconds", "From a question to its answer.", timing.reads);
  out.begin("simplex_smp_store_failed_total", "counter", "What the store could not do.");
  out.value(timing.changes.failed, R"(kind="change")");
  out.value(timing.reads.failed, R"(kind="read")");
}

void process(Metrics& out, const ProcessStatus& process) {
  out.heading("Process");
  out.gauge("process_resident_memory_bytes", "Memory in use.", process.resident_octets);
  out.gauge("process_virtual_memory_bytes", "Address space in use.", process.virtual_octets);
  out.counter("process_cpu_seconds_total", "Processor time, of user and system.", process.cpu_seconds);
  out.gauge("process_open_fds", "Open files and sockets.", process.open_files);
  out.gauge("process_max_fds", "Files and sockets that may be open.", process.max_files);
}

}  // namespace

std::string metrics_text(const MetricsInput& input) {
  auto text = fmt::format("# Recorded at: {}\n# Stats from: {}\n", format_time(input.now), format_time(input.from));
  Metrics out(text);
  queues(out, input);
  subscriptions(out, input.counts);
  messages(out, input);
  notifications(out, input);
  routing(out, input.counts);
  services(out, input);
  names(out, input.counts.names);
  relay(out, input);
  bounds(out, input);
  store(out, input.status.store);
  process(out, input.process);
  return text;
}

}  // namespace simplex::smp::server
