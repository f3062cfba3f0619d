// The metrics, read as Prometheus reads them.
#include "simplex/smp/server/metrics_text.hpp"

#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "simplex/smp/server/statistics_file.hpp"

namespace simplex::smp::server {
namespace {

// Exposition format 0.0.4: every sample has a TYPE and a HELP before it, a legal name, and a number; no sample twice, and
// those of one metric stand together.
struct Exposition {
  std::map<std::string, double> samples;  // name with its labels
  std::map<std::string, std::string> types;
  std::vector<std::string> problems;

  explicit Exposition(const std::string& text) {
    static const std::regex sample(
        R"re(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-zA-Z_]\w*="[^"\\\n]*",?)+\})? ([0-9.eE+-]+))re");
    std::string current;
    std::set<std::string> done;
    std::stringstream lines(text);
    if (!text.ends_with('\n')) problems.emplace_back("no end of line at the end");
    for (std::string line; std::getline(lines, line);) {
      if (line.empty()) continue;
      std::smatch match;
      std::stringstream words(line);
      std::string hash;
      std::string kind;
      std::string name;
      words >> hash >> kind >> name;
      if (hash == "#") {
        if (kind == "HELP" && !done.insert(name).second) problems.push_back("described twice: " + name);
        if (kind == "HELP") current = name;
        if (kind != "TYPE") continue;
        if (name != current) problems.push_back("TYPE without HELP: " + line);
        words >> types[name];
        if (!std::set<std::string>{"counter", "gauge", "histogram"}.contains(types[name])) problems.push_back(line);
      } else if (!std::regex_match(line, match, sample)) {
        problems.push_back("no sample: " + line);
      } else {
        const std::string metric = match[1];
        const bool of_histogram = types[current] == "histogram" && metric.starts_with(current + "_");
        if (metric != current && !of_histogram) problems.push_back("not described: " + line);
        if (!samples.emplace(metric + match[2].str(), std::stod(match[4])).second) problems.push_back("twice: " + line);
      }
    }
  }
};

MetricsInput example() {
  MetricsInput made;
  made.version = "1.2.3";
  made.from = *parse_time("2026-11-22T00:00:00Z");
  made.now = *parse_time("2026-11-23T00:00:00Z");
  made.counts.queues_created = 7;
  made.counts.relays.compat_errors = 3;
  made.counts.ack_times.add(0);
  made.counts.ack_times.add(3);
  made.counts.ack_times.add(70);
  made.counts.ack_times.add(100'000);
  made.status.ports = {{5223, 10, 4}, {443, 3, 3}};
  made.status.active = {1, 2, 3};
  made.status.shards.deliveries = {10, 3, {1, 2, 3, 4, 0}, 3'000};
  made.process.cpu_seconds = 1.5;
  made.limits = {{"connections", 100, 6, 2}, {"handshake_timeout", 120, std::nullopt, std::nullopt}};
  return made;
}

TEST(Metrics, AreWhatPrometheusReads) {
  const auto text = metrics_text(example());
  EXPECT_TRUE(text.starts_with("# Recorded at: 2026-11-23T00:00:00Z\n# Stats from: 2026-11-22T00:00:00Z\n"));
  auto read = Exposition(text);
  for (const auto& problem : read.problems) ADD_FAILURE() << problem;
  EXPECT_EQ(read.samples["simplex_smp_queues_created"], 7);
  EXPECT_EQ(read.samples["simplex_smp_queues_weekly"], 2);
  EXPECT_EQ(read.samples["simplex_smp_relay_sessions_errors{source=\"all\",type=\"compat\"}"], 3);
  EXPECT_EQ(read.samples["simplex_smp_sockets_active{port=\"5223\"}"], 6);
  EXPECT_EQ(read.samples["simplex_smp_limit_max{limit=\"connections\"}"], 100);
  EXPECT_EQ(read.samples["simplex_smp_limit_current{limit=\"connections\"}"], 6);
  EXPECT_EQ(read.samples["simplex_smp_limit_refused_total{limit=\"connections\"}"], 2);
  EXPECT_FALSE(read.samples.contains("simplex_smp_limit_current{limit=\"handshake_timeout\"}"));
  EXPECT_EQ(read.samples["process_cpu_seconds_total"], 1.5);
}

TEST(Metrics, TheHistogramAddsUp) {
  auto read = Exposition(metrics_text(example()));
  const std::string name = "simplex_smp_delivery_ack_confirmed_time";
  EXPECT_EQ(read.types[name], "histogram");
  EXPECT_EQ(read.samples[name + "_bucket{le=\"0\"}"], 1);
  EXPECT_EQ(read.samples[name + "_bucket{le=\"3\"}"], 2);
  EXPECT_EQ(read.samples[name + "_bucket{le=\"90\"}"], 3);
  EXPECT_EQ(read.samples[name + "_bucket{le=\"+Inf\"}"], 4);
  EXPECT_EQ(read.samples[name + "_count"], 4);
  EXPECT_EQ(read.samples[name + "_sum"], 100'073);
  EXPECT_EQ(read.samples["simplex_smp_delivery_ack_confirmed_count{period=\"0-60\"}"], 2);
  EXPECT_EQ(read.samples["simplex_smp_delivery_ack_confirmed_count{period=\"60-300\"}"], 1);
  EXPECT_EQ(read.samples["simplex_smp_delivery_ack_confirmed_count{period=\"3600+\"}"], 1);
}

TEST(Metrics, TellOfDeliveriesThatWait) {
  auto read = Exposition(metrics_text(example()));
  EXPECT_EQ(read.samples["simplex_smp_delivered_total"], 10);
  EXPECT_EQ(read.samples["simplex_smp_delivered_clients_total"], 3);
  EXPECT_EQ(read.samples["simplex_smp_delivery_ack_pending_count{period=\"60-300\"}"], 2);
  EXPECT_EQ(read.samples["simplex_smp_delivery_ack_pending_count{period=\"3600+\"}"], 0);
  EXPECT_EQ(read.samples["simplex_smp_delivery_ack_time_max"], 3'000);
}

// What the dashboards of the reference look for.
TEST(Metrics, HaveTheReferencesNames) {
  const auto read = Exposition(metrics_text(example()));
  for (const auto* name : {"queues_created",
                           "queues_secured",
                           "queues_blocked",
                           "queues_deleted_batch",
                           "queues_total1",
                           "queues_total2",
                           "queues_daily",
                           "queues_weekly",
                           "queues_monthly",
                           "queues_notify_daily",
                           "queues_notify_created",
                           "queues_notify_new_created",
                           "queues_notify_deleted",
                           "queues_notify_deleted_batch",
                           "queues_notify_total1",
                           "queues_notify_total2",
                           "subscribtion_total",
                           "subscribtion_clients_total",
                           "subscribtion_services_total",
                           "subscribtion_nts_services_total",
                           "subscribtion_service_subs_total",
                           "subscribtion_successes",
                           "subscribtion_successes_batch",
                           "subscribtion_end",
                           "subscribtion_end_batch",
                           "subscription_ntf_total",
                           "subscription_ntf_clients_total",
                           "delivered_total",
                           "delivered_clients_total",
                           "delivery_ack_time_max",
                           "subscription_ntf_service_subs_total",
                           "subscription_ntf_requests",
                           "subscription_ntf_requests_batch",
                           "messages_total",
                           "messages_sent",
                           "messages_received",
                           "messages_expired",
                           "messages_notify_sent",
                           "messages_notify_received",
                           "messages_notify_get_sent",
                           "messages_notify_get_received",
                           "messages_ntf_successes",
                           "messages_ntf_successes_batch",
                           "relay_messages_received",
                           "rcv_services_count",
                           "rcv_services_queues_count",
                           "ntf_services_count",
                           "ntf_services_queues_count",
                           "rcv_services_sub_msg_count",
                           "rcv_services_sub_duplicate_count",
                           "rcv_services_assoc_new",
                           "ntf_services_sub_fewer_total",
                           "threads_total",
                           "clients_total",
                           "loaded_queues_queue_count",
                           "loaded_queues_queue_lock_count",
                           "loaded_queues_open_journal_count",
                           "loaded_queues_ntf_count",
                           "loaded_queues_ntf_lock_count",
                           "names_reqs",
                           "names_success",
                           "names_not_found",
                           "names_resolver_errs",
                           "names_disabled"}) {
    EXPECT_TRUE(read.samples.contains("simplex_smp_" + std::string(name))) << name;
  }
}

TEST(Metrics, TheProcessIsMeasured) {
  const auto measured = process_status();
  EXPECT_GT(measured.resident_octets, 1'000'000U);
  EXPECT_GE(measured.threads, 1U);
  EXPECT_GT(measured.open_files, 2U);
  EXPECT_GE(measured.max_files, measured.open_files);
}

}  // namespace
}  // namespace simplex::smp::server
