#include "config_sections.hpp"

namespace simplex::smp::server {

namespace {

void read_addresses(SectionReader& section, transport::AddressLimits& limits) {
  section.number("connections_per_address", limits.connections, 0);
  section.number("connections_per_address_per_minute", limits.connections_per_minute, 0);
  std::string exempt = "127.0.0.0/8,::1";
  section.text("exempt_addresses", exempt);
  limits.exempt.clear();
  for (const auto& word : words_of(exempt)) {
    auto range = transport::AddressRange::parse(word);
    if (!range) return section.problem("exempt_addresses", range.error().message);
    limits.exempt.push_back(std::move(*range));
  }
}

void read_resident(SectionReader& section, ResidentLimits& limits) {
  section.number("idle_queues_per_thread", limits.idle_queues, 0);
  section.number("resident_bytes_per_thread", limits.octets, 65'536);
  section.number("resident_bytes_per_queue", limits.queue_octets, 16'384);
  section.number("remembered_ids_per_thread", limits.remembered_ids, 0);
  section.number("waiting_bytes_per_thread", limits.waiting_octets, 65'536);
}

}  // namespace

void read_auth(server_kit::IniSettings& settings, ServerConfig& config) {
  SectionReader section(settings, "AUTH");
  auto& engine = config.server.node.engine;
  section.on_off("new_queues", engine.new_queues);
  const auto password = section.optional("create_password");
  if (!password) return;
  auto made = BasicAuth::from(as_bytes(*password));
  if (!made) return section.problem("create_password", "must be printable ASCII without '@', ':' and '/'");
  engine.password = std::move(*made);
  config.password = engine.password;
}

void read_limits(server_kit::IniSettings& settings, ServerConfig& config) {
  auto& server = config.server;
  auto& limits = server.node.limits;
  SectionReader inactive(settings, "INACTIVE_CLIENTS");
  limits.disconnect_inactive = false;  // as the reference has it when nothing is said
  inactive.on_off("disconnect", limits.disconnect_inactive);
  inactive.time("ttl", limits.inactive_ttl, 1);
  inactive.time("check_interval", limits.inactive_check_interval, 1);

  SectionReader section(settings, "LIMITS");
  section.number("threads", server.threads, 0, 64);
  section.number("connections", limits.connections, 1);
  section.time("handshake_timeout", limits.handshake_timeout, 1);
  section.number("unanswered_commands", limits.unanswered, 1);
  section.number("pending_bytes", limits.pending, 16'384);
  section.number("max_pending_bytes", limits.max_pending, 1'048'576);
  section.number("pending_bytes_in_all", limits.pending_in_all, 1'048'576);
  section.time("crowded_timeout", limits.crowded_timeout, 1);
  section.number("handshakes", limits.handshakes, 1);
  section.number("send_buffer", limits.send_buffer, 0);
  read_addresses(section, server.address_limits);
  section.number("active_queues", server.active_queues, 0);
  section.time("slow_reader_timeout", limits.slow_reader_timeout, 1);
  section.time("expire_interval", limits.expiry_interval, 1);
  section.time("stop_timeout", server.stop_limit, 0);
  section.number("names_per_connection", server.node.engine.names, 1, 100'000);
  auto& engine = server.node.engine;
  section.number("queues", engine.queues, 0);
  section.number("queues_per_connection", engine.use.new_queues, 1);
  section.number("link_changes_per_connection", engine.use.link_changes, 1);
  section.number("refusals_per_connection", engine.use.refusals, 1);
  section.time("connection_period", engine.use.period, 1);
  section.number("queue_quota", server.node.engine.queue_quota, 1, 1'000'000);
  // Fewer could be guessed; more does no store of a relay have.
  section.number("queue_id_bytes", engine.queue_id_octets, 16, RecipientId::max_size);
  section.number("message_id_bytes", engine.message_id_octets, message_id_size, MessageId::max_size);
  section.time<std::chrono::milliseconds>("refusal_rest_ms", engine.use.rest, 0, 60'000);
  read_resident(section, server.node.engine.resident);
  auto& notifications = server.node.engine.notifications;
  section.time("notification_expire_interval", notifications.expiry_interval, 1);
  section.time<std::chrono::milliseconds>("notification_interval_ms", notifications.delivery_interval, 10, 60'000);
  section.number("notifications_per_notifier", notifications.per_notifier, 1);
  section.number("notifications", notifications.in_all, 1);
  section.number("services", server.node.engine.service_limits.services, 0);
  section.number("unproven_services", server.node.engine.service_limits.unproven, 1);
}

}  // namespace simplex::smp::server
