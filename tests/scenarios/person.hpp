// A person with a device: an agent with a database, and the smallest application on top of it that follows the agent's
// rules. Its diary is what a chat program's own database would be: it survives when the program is killed.
#pragma once

#include <deque>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "simplex/agent/agent.hpp"
#include "simplex/agent/envelope.hpp"
#include "simplex/testing/random.hpp"
#include "simplex/world/network.hpp"
#include "log.hpp"

namespace simplex::world {

class Person {
 public:
  Person(std::string name, std::filesystem::path folder, std::string relay_address, Scheduler& time,
         SimNetwork& network, std::uint64_t seed, agent::Versions versions);
  ~Person();
  Person(const Person&) = delete;
  Person& operator=(const Person&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }

  // From the next start on, its queues are made at one of these.
  void use_relays(std::vector<std::string> addresses) { relay_addresses_ = std::move(addresses); }

  // From the next start on.
  void rotate_by_itself(agent::AutomaticRotation when) { rotation_ = when; }
  void want_two_relays() { redundancy_ = true; }
  void use_network(agent::NetworkConfig network) { network_config_ = std::move(network); }

  // ---- the program
  void start();
  void stop();  // in good order
  void kill();  // at once: nothing that was going on is finished
  // Kills the program in the middle of what it is doing: at the call that hands the next, second... piece of data to the
  // network, or that tells the application of the next, second... event. What is on its disk at this instruction is what
  // it finds at the next start.
  void kill_in_sending(int number) { sends_left_ = number; }
  void kill_in_event(int number) { events_left_ = number; }
  [[nodiscard]] bool running() const { return agent_ != nullptr; }
  [[nodiscard]] agent::Agent& agent() { return *agent_; }

  // ---- the person
  void invite(const std::string& friend_name);
  void join(const std::string& friend_name, const std::string& link);
  void say(const std::string& friend_name, std::string text);
  // The same, and the friend's device is not to be woken for it.
  void say_quietly(const std::string& friend_name, std::string text);
  // Its program fails each time that it is told of a message with this text.
  void fail_at(std::string text) { poison_ = std::move(text); }
  void say_to_all(const std::string& text);  // the same to everybody, at once
  void forget(const std::string& friend_name);
  // An address, and everybody who uses it becomes a friend.
  void make_address();
  [[nodiscard]] const std::string& address() const { return diary_.address_link; }  // empty until it is ready
  // Its invitations and its address are given to others as short links, with its name, where its relay can.
  void use_short_links() { short_links_ = true; }
  // Looks at what a short link shows; `seen` has what it was, or why nothing.
  void look_at(const std::string& link);
  [[nodiscard]] const std::vector<std::string>& seen_in_links() const { return seen_in_links_; }
  // Tries a relay out. What each trial came to: "", or the number of the step that failed and why.
  void try_relay(const std::string& address);
  [[nodiscard]] const std::vector<std::string>& trials() const { return trials_; }
  void change_address_link(const std::string& text);
  void delete_address_link();
  [[nodiscard]] bool link_changed() const { return diary_.link_changed; }
  [[nodiscard]] bool link_deleted() const { return diary_.link_deleted; }
  // Agrees on new encryption keys, whether that is needed or not.
  void synchronize(const std::string& friend_name);
  void want_pq(const std::string& friend_name, bool wanted);
  // Moves to another relay. aborted: it was not too late.
  void rotate(const std::string& friend_name);
  bool abort_rotation(const std::string& friend_name);
  [[nodiscard]] int times_moved(const std::string& friend_name) const;
  [[nodiscard]] int times_friend_moved(const std::string& friend_name) const;
  // Of two queues, ours or the friend's, one was lost by its relay.
  [[nodiscard]] int times_queue_lost(const std::string& friend_name) const;
  [[nodiscard]] agent::ConnectionState connection(const std::string& friend_name) const;
  // Of the database and the diary, of a program that does not run.
  void keep_copy();
  void restore_copy();
  // The same while it runs, by the agent; until it is made.
  void back_up(const std::function<void(Result<>)>& done);
  // What is kept takes the place of the database, and the diary of then that of the diary.
  void import_copy();
  void remove_note_beside_database();
  void keep_note_beside_database();
  void put_note_back();
  [[nodiscard]] int times_restored() const { return times_restored_; }

  void mix(const std::string& friend_name, agent::Mixing mixing);
  void delete_user(agent::UserQueues queues);
  [[nodiscard]] const std::vector<agent::UserId>& users_deleted() const { return diary_.users_deleted; }
  [[nodiscard]] agent::UserId user() const { return *diary_.user; }
  // The invitation, before it is used. Returns the user.
  agent::UserId give_to_new_user(const std::string& friend_name);

  [[nodiscard]] std::string link(const std::string& friend_name) const;  // empty until it is ready
  [[nodiscard]] bool connected(const std::string& friend_name) const;
  [[nodiscard]] const std::vector<std::string>& heard(const std::string& friend_name) const;
  // Of those, which were said quietly.
  [[nodiscard]] const std::vector<std::string>& heard_quietly(const std::string& friend_name) const;
  [[nodiscard]] std::vector<std::string> said(const std::string& friend_name) const;
  [[nodiscard]] bool all_sent(const std::string& friend_name) const;
  // The friend's program has said that it has them; programs of old versions never do.
  [[nodiscard]] bool all_delivered(const std::string& friend_name) const;
  [[nodiscard]] bool knows_receipts() const { return versions_.agent.max >= agent::receipts_agent_version; }
  [[nodiscard]] agent::RatchetSyncState ratchet_sync(const std::string& friend_name) const;
  [[nodiscard]] std::string peer_info(const std::string& friend_name) const;
  // Messages that went through a relay of ours.
  [[nodiscard]] int times_suspended() const { return times_suspended_; }  // by this program
  [[nodiscard]] int times_proxied() const { return times_proxied_; }
  // What went wrong, as a person would be told.
  [[nodiscard]] const std::vector<std::string>& troubles() const { return diary_.troubles; }
  // The story expected them.
  void forgive_troubles() { diary_.troubles.clear(); }
  [[nodiscard]] int times_started() const { return times_started_; }
  // Messages that the agent handed over again, because the program was killed before it had acknowledged them.
  [[nodiscard]] int times_repeated() const { return times_repeated_; }

  // For the world: something is being handed to the network.
  void sending();
  [[nodiscard]] bool doomed() const { return doomed_; }
  // For the report of a story that failed.
  [[nodiscard]] std::string state() const;

 private:
  struct Said {
    std::string text;
    agent::SendKey key;
    std::optional<agent::MessageId> message;
    bool sent = false;
    bool delivered = false;
    bool quiet = false;
  };
  enum class Role : std::uint8_t { inviting, joining, accepting };
  struct Friend {
    agent::ConnectionId connection;
    Role role = Role::inviting;
    std::string link;
    std::string info;
    agent::RequestId request;  // of one who has used our address
    bool joined = false;
    bool connected = false;
    bool deleted = false;
    std::vector<std::string> heard;
    std::vector<std::string> heard_quietly;
    std::deque<Said> said;
    int times_moved = 0;         // our queue
    int times_friend_moved = 0;  // theirs
    int times_queue_lost = 0;
  };
  struct Diary {
    std::optional<agent::UserId> user;
    std::optional<agent::ConnectionId> address;
    std::string address_link;
    std::map<std::string, Friend> friends;
    std::set<agent::EventId> seen;
    bool link_changed = false;
    bool link_deleted = false;
    std::optional<agent::UserQueues> deletes_user;
    std::vector<agent::UserId> users_deleted;
    std::vector<std::string> troubles;
  };

  void repeat_what_may_be_lost();
  void create(Friend& them);
  void join_again(Friend& them);
  void accept_again(Friend& them);
  void send(Friend& them, Said& said);
  void happened(const agent::Event& event);
  // Each handles one event; the others are of no interest to a person.
  void on(const agent::InvitationReady& event);
  void on(const agent::Joined& event);
  void on(const agent::ConfirmationReceived& event);
  void on(const agent::RequestReceived& event);
  void on(const agent::MessageDelivered& event);
  void on(const agent::RatchetSyncChanged& event);
  void on(const agent::QueueSwitched& event);
  void on(const agent::QueueLost& event);
  void on(const agent::PeerInfoReceived& event);
  void on(const agent::Connected& event);
  void on(const agent::MessageSent& event);
  void on(const agent::MessageFailed& event);
  void on(const agent::DatabaseRestored& event);
  void on(const agent::ConnectionFailed& event);
  void on(const agent::ReceptionFailed& event);
  void on(const agent::LinkDataSet& event);
  void on(const agent::LinkDeleted& event);
  void on(const agent::LinkFailed& event);
  void on(const agent::LinkRead& event);
  void on(const agent::LinkReadFailed& event);
  void on(const agent::ServerTested& event);
  void on(const agent::ConnectionDeleted& event);
  void on(const agent::UserDeleted& event);
  void on(const agent::AgentProblem& event);
  void on(const agent::AgentSuspended&) { ++times_suspended_; }
  template <class Other>
  void on(const Other&) {}
  void received(const agent::MessageReceived& event, bool again);

  [[nodiscard]] Friend* find(const agent::ConnectionId& connection);
  [[nodiscard]] std::optional<BytesView> link_data() const;
  void trouble(std::string_view what, const Error& error);
  void drop_everything();
  void doom();
  [[nodiscard]] std::filesystem::path database() const { return folder_ / "agent.db"; }

  std::string name_;
  std::filesystem::path folder_;
  std::vector<std::string> relay_addresses_;
  Scheduler* time_;
  SimNetwork* network_;
  testing::SeededRandom random_;
  agent::Versions versions_;
  agent::AutomaticRotation rotation_;
  bool redundancy_ = false;
  agent::NetworkConfig network_config_;
  WorldLog log_;
  Diary diary_;
  Diary diary_copy_;
  bool short_links_ = false;
  std::optional<std::string> poison_;
  std::vector<std::string> seen_in_links_;
  std::vector<std::string> trials_;
  int times_started_ = 0;
  int times_repeated_ = 0;
  int times_proxied_ = 0;
  int times_suspended_ = 0;
  int times_restored_ = 0;
  bool went_back_ = false;  // to an old copy
  std::optional<int> sends_left_;
  std::optional<int> events_left_;
  bool doomed_ = false;  // its disk was set aside in the middle of a turn; ends with that turn

  std::unique_ptr<SimLoop> loop_;
  std::unique_ptr<transport::Connector> connector_;
  std::unique_ptr<agent::Agent> agent_;
};

}  // namespace simplex::world
