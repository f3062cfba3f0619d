// Services, their queues, and expiry.
#include "expectations.hpp"

namespace simplex::smp::stores {

using namespace server;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_P(StoreContract, ServicesAreKept) {
  open(1);
  const auto messaging = make_service(random_, ServiceRole::messaging);
  const auto notifier = make_service(random_, ServiceRole::notifier);
  auto proxy = make_service(random_, ServiceRole::proxy);
  proxy.certificates.resize(1);
  for (const auto& service : {messaging, notifier, proxy}) EXPECT_TRUE(went_well(run_->write(NewService{service})));
  auto same_certificate = make_service(random_, ServiceRole::messaging);
  same_certificate.certificate_hash = messaging.certificate_hash;
  EXPECT_TRUE(failed_with(ErrorKind::conflict, run_->write(NewService{same_certificate})));
  auto same_id = make_service(random_, ServiceRole::messaging);
  same_id.id = notifier.id;
  EXPECT_TRUE(failed_with(ErrorKind::conflict, run_->write(NewService{same_id})));
  reopen(1);
  const auto services = run_->backend().services();
  ASSERT_TRUE(went_well(services));
  EXPECT_THAT(*services, ::testing::UnorderedElementsAre(messaging, notifier, proxy));
}

TEST_P(StoreContract, QueuesOfAServiceAreListedInPieces) {
  open(2);
  const auto service = make_service(random_, ServiceRole::messaging);
  const auto other = make_service(random_, ServiceRole::notifier);
  ASSERT_TRUE(run_->write(NewService{service}));
  ASSERT_TRUE(run_->write(NewService{other}));
  std::array<std::vector<RecipientId>, 2> of_service;
  std::array<std::vector<RecipientId>, 2> of_other;
  std::map<RecipientId, NotifierId> notifiers;
  for (int i = 0; i < 60; ++i) {
    auto queue = make_full_queue(random_);
    const auto shard = run_->shard_of(queue.recipient_id);
    if (i % 3 == 0) {
      queue.service = service.id;
      of_service[shard].push_back(queue.recipient_id);
    }
    if (i % 5 == 0) {
      queue.notifier->service = other.id;
      of_other[shard].push_back(queue.recipient_id);
      notifiers.emplace(queue.recipient_id, queue.notifier->id);
    }
    created(std::move(queue));
  }
  // A queue that the service had, and one that is gone.
  const auto given_up = of_service[0].back();
  of_service[0].pop_back();
  ASSERT_TRUE(run_->write(QueueService{given_up, ServiceParty::recipient, std::nullopt}));
  const auto gone = of_service[1].back();
  of_service[1].pop_back();
  ASSERT_TRUE(run_->write(DeleteQueue{gone}));

  const auto listed = [&](std::size_t shard, const ServiceRecord& whose, ServiceParty party, std::size_t limit) {
    std::vector<RecipientId> made;
    for (std::optional<RecipientId> after;;) {
      auto got = run_->service_queues(shard, whose.id, party, after, limit);
      EXPECT_TRUE(went_well(got));
      if (!got || got->empty()) return made;
      EXPECT_LE(got->size(), limit);
      for (const auto& found : *got) {
        made.push_back(found.queue);
        const auto notifier = notifiers.find(found.queue);
        const bool notified = party == ServiceParty::notifier && notifier != notifiers.end();
        EXPECT_EQ(found.notifier, notified ? std::optional(notifier->second) : std::nullopt);
      }
      after = made.back();
    }
  };
  for (std::size_t shard = 0; shard < 2; ++shard) {
    std::ranges::sort(of_service[shard]);
    std::ranges::sort(of_other[shard]);
    EXPECT_EQ(listed(shard, service, ServiceParty::recipient, 100), of_service[shard]);
    EXPECT_EQ(listed(shard, service, ServiceParty::recipient, 3), of_service[shard]);
    EXPECT_EQ(listed(shard, other, ServiceParty::notifier, 2), of_other[shard]);
    EXPECT_THAT(listed(shard, service, ServiceParty::notifier, 100), IsEmpty());
  }
}

TEST_P(StoreContract, OldMessagesExpireInPiecesButNoQuotaMarkers) {
  constexpr std::size_t shards = 2;
  open(shards);
  std::map<RecipientId, std::uint32_t> old;
  std::map<RecipientId, std::vector<std::string>> left;
  for (int i = 0; i < 12; ++i) {
    const auto id = created(make_queue(random_)).recipient_id;
    std::uint64_t position = 1;
    for (int n = 0; n < i; ++n) {
      ASSERT_TRUE(run_->add(id, make_message(random_, position++, 500, noon - 100)));
      ++old[id];
    }
    if (i % 2 == 0) {
      const auto young = make_message(random_, position++, 500, noon);
      ASSERT_TRUE(run_->add(id, young));
      left[id].push_back(text_of(*young));
    } else {
      const auto marker = make_quota_marker(random_, position++, noon - 100);
      ASSERT_TRUE(run_->add(id, marker));
      left[id].push_back(text_of(*marker));
    }
  }
  const auto before = run_->backend().totals().messages;
  std::map<RecipientId, std::uint32_t> expired;
  std::uint32_t count = 0;
  for (std::size_t shard = 0; shard < shards; ++shard) {
    for (;;) {
      const auto got = run_->expire(shard, noon, 7);
      ASSERT_TRUE(went_well(got));
      if (got->empty()) break;
      std::uint32_t in_piece = 0;
      for (const auto& queue : *got) {
        EXPECT_EQ(run_->shard_of(queue.queue), shard);
        EXPECT_GT(queue.messages, 0U);
        expired[queue.queue] += queue.messages;
        in_piece += queue.messages;
      }
      EXPECT_LE(in_piece, 7U);
      count += in_piece;
    }
  }
  EXPECT_EQ(expired, old);
  EXPECT_EQ(run_->backend().totals().messages, before - count);
  for (const auto& [id, messages_left] : left) EXPECT_EQ(messages(id), messages_left);
  for (const auto& [id, messages_left] : left) {
    const auto found = run_->load(id);
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((*found)->message_count, 1U);
    EXPECT_EQ((*found)->full, (*found)->messages.front()->quota);
  }
  reopen(1);
  for (const auto& [id, messages_left] : left) EXPECT_EQ(messages(id), messages_left);
  EXPECT_THAT(run_->expire(0, noon, 100).value(), IsEmpty());
  // Later the young ones are old, too.
  EXPECT_THAT(run_->expire(0, noon + 1, 100).value(), SizeIs(6));
}

}  // namespace simplex::smp::stores
