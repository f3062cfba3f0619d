#include "person.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace simplex::world {

namespace fs = std::filesystem;

Person::Person(std::string name, fs::path folder, std::string relay_address, Scheduler& time, SimNetwork& network,
               std::uint64_t seed, agent::Versions versions)
    : name_(std::move(name)),
      folder_(std::move(folder)),
      relay_addresses_({std::move(relay_address)}),
      time_(&time),
      network_(&network),
      random_(seed),
      versions_(versions),
      log_(name_, time) {
  fs::create_directories(folder_);
}

Person::~Person() { drop_everything(); }

void Person::start() {
  ASSERT_FALSE(running());
  ++times_started_;
  log_.info("starts");
  loop_ = std::make_unique<SimLoop>(*time_);
  connector_ = network_->connector(name_);
  agent::Config config;
  config.database = database();
  config.servers = relay_addresses_;
  config.versions = versions_;
  config.rotation = rotation_;
  config.redundancy = redundancy_;
  config.network = network_config_;
  // Every other time the messages that come together are decrypted together.
  static async::Workers workers(1);
  auto* const help = times_started_ % 2 == 0 ? &workers : nullptr;
  auto opened = agent::Agent::open({*loop_, random_, log_, *connector_, help}, std::move(config));
  ASSERT_TRUE(opened) << opened.error().message;
  agent_ = std::move(*opened);
  if (!diary_.user) {
    const auto users = agent_->users();
    ASSERT_TRUE(users);
    const auto user = users->empty() ? agent_->create_user() : Result<agent::UserId>(users->front());
    ASSERT_TRUE(user) << user.error().message;
    ASSERT_TRUE(agent_->flush());
    diary_.user = *user;
  }
  agent_->start([this](const agent::Event& event) { happened(event); });
  repeat_what_may_be_lost();
}

void Person::stop() {
  ASSERT_TRUE(running());
  agent_->stop();
  drop_everything();
}

void Person::kill() {
  log_.info(doomed_ ? "killed in the middle of a call" : "killed");
  drop_everything();
}

void Person::drop_everything() {
  agent_.reset();
  connector_.reset();
  loop_.reset();
  sends_left_.reset();
  events_left_.reset();
  if (std::exchange(doomed_, false)) {
    const fs::path kept = folder_ / "kept";
    for (const auto& file : fs::directory_iterator(folder_)) {
      if (file.is_regular_file()) fs::remove(file.path());
    }
    for (const auto& file : fs::directory_iterator(kept)) fs::rename(file.path(), folder_ / file.path().filename());
    fs::remove_all(kept);
  }
}

void Person::sending() {
  if (sends_left_ && --*sends_left_ == 0) doom();
}

// The state of the disk at this instruction is set aside, and nothing that the program still does in this turn has an
// effect.
void Person::doom() {
  if (std::exchange(doomed_, true)) return;
  const fs::path kept = folder_ / "kept";
  fs::create_directory(kept);
  for (const auto& file : fs::directory_iterator(folder_)) {
    if (file.is_regular_file()) fs::copy_file(file.path(), kept / file.path().filename());
  }
  network_->silence(name_);
}

void Person::mix(const std::string& friend_name, agent::Mixing mixing) {
  EXPECT_TRUE(agent_->set_mixing(diary_.friends.at(friend_name).connection, mixing));
  EXPECT_TRUE(agent_->flush());
}

void Person::delete_user(agent::UserQueues queues) {
  diary_.deletes_user = queues;
  for (auto& [name, them] : diary_.friends) them.deleted = true;
  EXPECT_TRUE(agent_->delete_user(*diary_.user, queues));
}

agent::UserId Person::give_to_new_user(const std::string& friend_name) {
  const auto user = agent_->create_user();
  EXPECT_TRUE(user);
  const auto given = agent_->change_user(diary_.friends.at(friend_name).connection, *user);
  EXPECT_TRUE(given) << given.error().message;
  EXPECT_TRUE(agent_->flush());
  return *user;
}

void Person::invite(const std::string& friend_name) {
  Friend& them = diary_.friends[friend_name];
  them.connection = agent::new_connection_id(random_);
  them.role = Role::inviting;
  create(them);
}

void Person::join(const std::string& friend_name, const std::string& link) {
  Friend& them = diary_.friends[friend_name];
  them.connection = agent::new_connection_id(random_);
  them.role = Role::joining;
  them.link = link;
  join_again(them);
}

void Person::say(const std::string& friend_name, std::string text) {
  Friend& them = diary_.friends.at(friend_name);
  log_.info("says to " + friend_name + ": " + text);
  them.said.push_back({std::move(text), *agent::SendKey::from(random_.bytes(16)), std::nullopt, false});
  if (running() && them.connected) send(them, them.said.back());
}

void Person::say_quietly(const std::string& friend_name, std::string text) {
  Friend& them = diary_.friends.at(friend_name);
  log_.info("says quietly to " + friend_name + ": " + text);
  them.said.push_back(
      {.text = std::move(text), .key = *agent::SendKey::from(random_.bytes(16)), .message = {}, .quiet = true});
  if (running() && them.connected) send(them, them.said.back());
}

void Person::say_to_all(const std::string& text) {
  log_.info("says to all: " + text);
  std::vector<agent::SendRequest> requests;
  std::vector<Said*> said;
  for (auto& [name, them] : diary_.friends) {
    if (them.deleted) continue;
    them.said.push_back({text, *agent::SendKey::from(random_.bytes(16)), std::nullopt, false});
    if (!them.connected) continue;
    requests.push_back({them.connection, them.said.back().key});
    said.push_back(&them.said.back());
  }
  if (!running()) return;
  const auto sent = agent_->send_messages(requests, as_bytes(text));
  ASSERT_EQ(sent.size(), said.size());
  for (std::size_t i = 0; i < sent.size(); ++i) {
    if (!sent[i] && sent[i].error().advice == Advice::retry) continue;
    ASSERT_TRUE(sent[i]) << sent[i].error().message;
    said[i]->message = *sent[i];
  }
}

void Person::forget(const std::string& friend_name) {
  Friend& them = diary_.friends.at(friend_name);
  const auto deleted = agent_->delete_connection(them.connection);
  EXPECT_TRUE(deleted) << deleted.error().message;
}

void Person::make_address() {
  if (!diary_.address) diary_.address = agent::new_connection_id(random_);
  const auto created = agent_->create_address(*diary_.user, diary_.address, link_data());
  EXPECT_TRUE(created) << created.error().message;
}

std::optional<BytesView> Person::link_data() const {
  if (!short_links_) return std::nullopt;
  return as_bytes(name_);
}

void Person::look_at(const std::string& link) {
  const auto read = agent_->read_link(*diary_.user, link);
  EXPECT_TRUE(read) << read.error().message;
}

void Person::try_relay(const std::string& address) {
  const auto begun = agent_->test_server(*diary_.user, address);
  EXPECT_TRUE(begun) << begun.error().message;
}

void Person::change_address_link(const std::string& text) {
  const auto set = agent_->set_link_data(*diary_.address, as_bytes(text));
  EXPECT_TRUE(set) << set.error().message;
}

void Person::delete_address_link() {
  const auto deleted = agent_->delete_link(*diary_.address);
  EXPECT_TRUE(deleted) << deleted.error().message;
}

void Person::synchronize(const std::string& friend_name) {
  const auto begun = agent_->synchronize_ratchet(diary_.friends.at(friend_name).connection, true, true);
  EXPECT_TRUE(begun) << begun.error().message;
}

void Person::want_pq(const std::string& friend_name, bool wanted) {
  const auto set = agent_->set_pq_encryption(diary_.friends.at(friend_name).connection, wanted);
  EXPECT_TRUE(set) << set.error().message;
}

void Person::rotate(const std::string& friend_name) {
  const auto begun = agent_->switch_connection(diary_.friends.at(friend_name).connection);
  EXPECT_TRUE(begun) << begun.error().message;
}

bool Person::abort_rotation(const std::string& friend_name) {
  const auto aborted = agent_->abort_switch(diary_.friends.at(friend_name).connection);
  EXPECT_TRUE(aborted || aborted.error().kind == ErrorKind::conflict) << aborted.error().message;
  return aborted.has_value();
}

int Person::times_queue_lost(const std::string& friend_name) const {
  return diary_.friends.at(friend_name).times_queue_lost;
}
int Person::times_moved(const std::string& friend_name) const { return diary_.friends.at(friend_name).times_moved; }
int Person::times_friend_moved(const std::string& friend_name) const {
  return diary_.friends.at(friend_name).times_friend_moved;
}

agent::ConnectionState Person::connection(const std::string& friend_name) const {
  const auto state = agent_->connection_state(diary_.friends.at(friend_name).connection);
  EXPECT_TRUE(state) << state.error().message;
  return state.value_or(agent::ConnectionState{});
}

void Person::keep_copy() {
  ASSERT_FALSE(running());
  fs::remove_all(folder_ / "copy");
  fs::create_directory(folder_ / "copy");
  fs::copy_file(database(), folder_ / "copy" / "agent.db");
  diary_copy_ = diary_;
}

void Person::restore_copy() {
  ASSERT_FALSE(running());
  fs::copy_file(folder_ / "copy" / "agent.db", database(), fs::copy_options::overwrite_existing);
  diary_ = diary_copy_;
  went_back_ = true;
}

void Person::back_up(const std::function<void(Result<>)>& done) {
  fs::remove_all(folder_ / "copy");
  fs::create_directory(folder_ / "copy");
  const auto begun = agent_->back_up(folder_ / "copy" / "agent.db", done);
  EXPECT_TRUE(begun);
  diary_copy_ = diary_;
}

void Person::import_copy() {
  ASSERT_FALSE(running());
  const SimLoop clock(*time_);
  const auto imported = agent::Agent::import_database(
      {.file = folder_ / "copy" / "agent.db", .file_passphrase = {}, .database = database(), .passphrase = {}}, clock);
  EXPECT_TRUE(imported) << imported.error().message;
  diary_ = diary_copy_;
  went_back_ = true;
}

void Person::keep_note_beside_database() {
  fs::copy_file(database().string() + ".generation", folder_ / "copy" / "generation");
}
void Person::put_note_back() {
  fs::copy_file(folder_ / "copy" / "generation", database().string() + ".generation",
                fs::copy_options::overwrite_existing);
}

void Person::remove_note_beside_database() { fs::remove(database().string() + ".generation"); }

std::string Person::link(const std::string& friend_name) const {
  const auto found = diary_.friends.find(friend_name);
  return found == diary_.friends.end() ? "" : found->second.link;
}

bool Person::connected(const std::string& friend_name) const {
  const auto found = diary_.friends.find(friend_name);
  return found != diary_.friends.end() && found->second.connected;
}

const std::vector<std::string>& Person::heard(const std::string& friend_name) const {
  return diary_.friends.at(friend_name).heard;
}

const std::vector<std::string>& Person::heard_quietly(const std::string& friend_name) const {
  return diary_.friends.at(friend_name).heard_quietly;
}

std::vector<std::string> Person::said(const std::string& friend_name) const {
  std::vector<std::string> all;
  for (const Said& each : diary_.friends.at(friend_name).said) all.push_back(each.text);
  return all;
}

bool Person::all_sent(const std::string& friend_name) const {
  return std::ranges::all_of(diary_.friends.at(friend_name).said, &Said::sent);
}

bool Person::all_delivered(const std::string& friend_name) const {
  return std::ranges::all_of(diary_.friends.at(friend_name).said, &Said::delivered);
}

agent::RatchetSyncState Person::ratchet_sync(const std::string& friend_name) const {
  const auto state = agent_->connection_state(diary_.friends.at(friend_name).connection);
  EXPECT_TRUE(state);
  return state->ratchet_sync;
}

std::string Person::peer_info(const std::string& friend_name) const { return diary_.friends.at(friend_name).info; }

// What the diary knows and the agent may not: a call whose turn was not committed when the program was killed.
void Person::repeat_what_may_be_lost() {
  if (diary_.deletes_user && diary_.users_deleted.empty())
    (void)agent_->delete_user(*diary_.user, *diary_.deletes_user);
  if (diary_.address && diary_.address_link.empty()) make_address();
  for (auto& [name, them] : diary_.friends) {
    if (them.deleted) continue;
    if (!them.connected) {
      if (them.role == Role::inviting && them.link.empty()) create(them);
      if (them.role == Role::joining && !them.joined) join_again(them);
      if (them.role == Role::accepting && !them.joined) accept_again(them);
      continue;
    }
    for (Said& said : them.said) {
      if (!said.sent) send(them, said);
    }
  }
}

void Person::create(Friend& them) {
  const auto created = agent_->create_connection(*diary_.user, true, them.connection, link_data());
  EXPECT_TRUE(created) << created.error().message;
}

void Person::join_again(Friend& them) {
  const auto joined = agent_->join_connection(*diary_.user, them.link, as_bytes(name_), true, them.connection);
  // One that was being made when an old copy was is gone.
  const bool gone = went_back_ && !joined && joined.error().kind == ErrorKind::not_found;
  EXPECT_TRUE(joined || gone) << joined.error().message;
}

void Person::accept_again(Friend& them) {
  const auto joined = agent_->accept_request(them.request, as_bytes(name_), true, them.connection);
  EXPECT_TRUE(joined) << joined.error().message;
}

void Person::send(Friend& them, Said& said) {
  const agent::SendRequest request{them.connection, said.key, !said.quiet};
  const auto message = agent_->send_messages({&request, 1}, as_bytes(said.text)).front();
  if (!message && message.error().advice == Advice::retry) return;
  ASSERT_TRUE(message) << message.error().message;
  said.message = *message;
}

void Person::happened(const agent::Event& event) {
  if (doomed_) return;
  const bool again = event.id && !diary_.seen.insert(*event.id).second;
  const auto* const message = std::get_if<agent::MessageReceived>(&event.body);
  if (message != nullptr) {
    received(*message, again);
  } else if (!again || !std::holds_alternative<agent::UserDeleted>(event.body)) {
    std::visit([this](const auto& body) { on(body); }, event.body);
  }
  if (event.id && message == nullptr) agent_->handled(*event.id);
  if (events_left_ && --*events_left_ == 0) doom();
}

void Person::on(const agent::InvitationReady& event) {
  const auto& link = event.short_link.empty() ? event.link : event.short_link;
  if (event.connection == diary_.address) diary_.address_link = link;
  if (Friend* them = find(event.connection)) them->link = link;
}

void Person::on(const agent::Joined& event) {
  if (Friend* them = find(event.connection)) them->joined = true;
}

void Person::on(const agent::ConfirmationReceived& event) {
  if (Friend* them = find(event.connection)) them->info = std::string(as_text(event.peer_info));
  const auto allowed = agent_->allow_connection(event.connection, event.confirmation, as_bytes(name_));
  EXPECT_TRUE(allowed) << allowed.error().message;
}

void Person::on(const agent::RequestReceived& event) {
  Friend& them = diary_.friends[std::string(as_text(event.peer_info))];
  if (them.role != Role::accepting) {
    them.connection = agent::new_connection_id(random_);
    them.role = Role::accepting;
    them.request = event.request;
  }
  // The same one again after a kill; another request of a friend is one too many.
  if (them.request == event.request) {
    accept_again(them);
  } else {
    diary_.troubles.push_back("a second request");
  }
}

void Person::on(const agent::PeerInfoReceived& event) {
  if (Friend* them = find(event.connection)) them->info = std::string(as_text(event.peer_info));
}

void Person::on(const agent::Connected& event) {
  Friend* them = find(event.connection);
  if (them == nullptr || std::exchange(them->connected, true)) return;
  for (Said& said : them->said) send(*them, said);
}

void Person::received(const agent::MessageReceived& event, bool again) {
  log_.info((again ? "hears again: " : "hears: ") + std::string(as_text(event.body)));
  if (again) ++times_repeated_;
  if (poison_ && as_text(event.body) == *poison_) return;
  if (Friend* them = find(event.connection); them != nullptr && !again) {
    them->heard.emplace_back(as_text(event.body));
    if (!event.notify) them->heard_quietly.push_back(them->heard.back());
    if (!std::holds_alternative<agent::IntegrityOk>(event.integrity))
      diary_.troubles.push_back("a message of a broken row: " + them->heard.back());
  }
  const auto acknowledged = agent_->ack_message(event.connection, event.message, agent::Receipt::send);
  EXPECT_TRUE(acknowledged) << acknowledged.error().message;
}

void Person::on(const agent::MessageSent& event) {
  if (!event.proxy.empty()) ++times_proxied_;
  Friend* them = find(event.connection);
  if (them == nullptr) return;
  for (Said& said : them->said) {
    if (said.message == event.message) said.sent = true;
  }
}

void Person::on(const agent::MessageDelivered& event) {
  if (event.status != agent::ReceiptStatus::ok) diary_.troubles.push_back("a receipt of another message");
  Friend* them = find(event.connection);
  if (them == nullptr) return;
  for (Said& said : them->said) {
    if (said.message == event.message) said.delivered = true;
  }
}

// As a chat program may do it: when something can't be read, new keys are asked for, and then what could not be said
// meanwhile is.
void Person::on(const agent::RatchetSyncChanged& event) {
  Friend* them = find(event.connection);
  if (them == nullptr || them->deleted) return;
  if (event.state == agent::RatchetSyncState::required || event.state == agent::RatchetSyncState::allowed) {
    const auto begun = agent_->synchronize_ratchet(event.connection, true, true);
    EXPECT_TRUE(begun || begun.error().kind == ErrorKind::version) << begun.error().message;
  }
  if (event.state != agent::RatchetSyncState::ok) return;
  for (Said& said : them->said) {
    if (!said.sent && !said.message) send(*them, said);
  }
}

void Person::on(const agent::QueueSwitched& event) {
  Friend* them = find(event.connection);
  if (them == nullptr || event.phase != agent::SwitchPhase::completed) return;
  ++(event.direction == agent::QueueDirection::receiving ? them->times_moved : them->times_friend_moved);
}

void Person::on(const agent::QueueLost& event) {
  log_.info("is told that a queue is lost at " + event.relay);
  if (Friend* them = find(event.connection)) ++them->times_queue_lost;
}

void Person::on(const agent::DatabaseRestored&) {
  log_.info("is told that the database is an old copy");
  ++times_restored_;
}
void Person::on(const agent::MessageFailed& event) { trouble("a message was not delivered", event.error); }
void Person::on(const agent::ConnectionFailed& event) { trouble("connecting failed", event.error); }
void Person::on(const agent::ReceptionFailed& event) { trouble("a message could not be read", event.error); }
void Person::on(const agent::LinkDataSet&) { diary_.link_changed = true; }
void Person::on(const agent::LinkDeleted&) { diary_.link_deleted = true; }
void Person::on(const agent::LinkFailed& event) { trouble("the link was not changed", event.error); }
void Person::on(const agent::LinkRead& event) { seen_in_links_.emplace_back(as_text(event.link_data)); }
void Person::on(const agent::LinkReadFailed& event) { seen_in_links_.push_back(event.error.message); }

void Person::on(const agent::ServerTested& event) {
  trials_.emplace_back();
  if (event.failure) {
    trials_.back() = std::to_string(static_cast<int>(event.failure->step)) + " " + event.failure->error.message;
  }
}
void Person::on(const agent::AgentProblem& event) { trouble("a problem of the agent", event.error); }
void Person::on(const agent::UserDeleted& event) { diary_.users_deleted.push_back(event.user); }
void Person::on(const agent::ConnectionDeleted& event) {
  if (Friend* them = find(event.connection)) them->deleted = true;
}

std::string Person::state() const {
  std::string text = name_ + (running() ? " is running" : " is not running");
  for (const auto& [name, them] : diary_.friends) {
    text += "; with " + name + (them.connected ? ": connected" : ": not connected") + ", said " +
            std::to_string(them.said.size()) + ", sent " +
            std::to_string(std::ranges::count_if(them.said, &Said::sent)) + ", heard " +
            std::to_string(them.heard.size());
  }
  for (const auto& each : diary_.troubles) text += "; " + each;
  return text;
}

Person::Friend* Person::find(const agent::ConnectionId& connection) {
  const auto found =
      std::ranges::find_if(diary_.friends, [&](const auto& each) { return each.second.connection == connection; });
  return found == diary_.friends.end() ? nullptr : &found->second;
}

void Person::trouble(std::string_view what, const Error& error) {
  log_.error(std::string(what) + ": " + error.message);
  diary_.troubles.push_back(std::string(what) + ": " + error.message);
}

}  // namespace simplex::world
