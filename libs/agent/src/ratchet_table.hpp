// Rows of ratchets and their skipped keys, and what goes through a ratchet. Every change of a state is stored in the
// transaction of the message that made it.
#pragma once

#include "simplex/crypto/derived_random.hpp"
#include "simplex/crypto/hash.hpp"
#include "simplex/crypto/ratchet.hpp"
#include "connection_table.hpp"

namespace simplex::agent {

// Keys of messages that were skipped, of one connection. With more, all that were stored before are forgotten.
inline constexpr std::size_t most_skipped_keys = 4096;

class RatchetTable {
 public:
  RatchetTable(store::Database& database, Random& random) : db_(database), random_(random) {}

  // The inviter's keys, until a confirmation comes.
  [[nodiscard]] Result<> insert_x3dh_keys(ConnKey conn, const crypto::X3dhReceiverKeys& keys);
  [[nodiscard]] Result<crypto::X3dhReceiverKeys> x3dh_keys(ConnKey conn);
  // The joining side's ratchet, with its public parameters for the confirmation.
  [[nodiscard]] Result<> insert_sending(ConnKey conn, const crypto::RatchetState& state,
                                        const crypto::E2eRatchetParams& params);
  [[nodiscard]] Result<crypto::E2eRatchetParams> e2e_params(ConnKey conn);
  // A new ratchet: the X3DH keys that it was made with are erased, and what the one before it had skipped.
  [[nodiscard]] Result<> begin(ConnKey conn, const crypto::RatchetState& state);
  // Agreement on a new ratchet: the last keys of both sides, beside the ratchet that is in use.
  [[nodiscard]] Result<> set_x3dh_keys(ConnKey conn, const crypto::X3dhReceiverKeys& keys);
  [[nodiscard]] Result<> set_peer_keys(ConnKey conn, const crypto::E2eRatchetParams& keys);
  [[nodiscard]] Result<std::optional<crypto::E2eRatchetParams>> peer_keys(ConnKey conn);
  [[nodiscard]] Result<> forget_sync_keys(ConnKey conn);
  // Like begin(), and the keys stay. Those of the new ratchet are not in doubt.
  [[nodiscard]] Result<> replace(ConnKey conn, const crypto::RatchetState& state);
  // False when the hash was there already.
  [[nodiscard]] Result<bool> insert_seen_keys(ConnKey conn, const crypto::Sha256& hash, WallTime now);
  [[nodiscard]] Result<> forget_seen_keys_before(WallTime time);
  // Whether KEM is used now; in no direction while there is no ratchet.
  struct PqUse {
    bool sending = false;
    bool receiving = false;
  };
  [[nodiscard]] Result<PqUse> pq_use(ConnKey conn);
  // What both sides authenticate every message with.
  [[nodiscard]] Result<crypto::RatchetAssociatedData> associated_data(ConnKey conn);

  // Takes the next message's key and header. pq: a change of the wish for KEM.
  struct Prepared {
    crypto::MessageEncryptKey key;
    bool pq = false;
  };
  [[nodiscard]] Result<Prepared> encrypt_header(ConnKey conn, std::optional<crypto::PqEncryption> pq,
                                                E2eVersion max_supported);

  // The outer Result fails when the database does; the inner one when the message does not decrypt.
  struct Opened {
    Bytes plaintext;
    bool pq = false;
    bool could_send = false;  // before this message
  };
  // Decryption in steps, of which the second needs no database, and may be done in any thread: ahead(), then
  // Ahead::decrypt(), then decrypt() with it, which decrypts again when the ratchet has changed meanwhile.
  class Ahead {
   public:
    void decrypt(BytesView message) noexcept;

   private:
    friend class RatchetTable;
    Ahead(SecretBytes stored, crypto::RatchetState state, Random& random)
        : stored_(std::move(stored)), state_(std::move(state)), could_send_(state_.sending), random_(random) {}
    SecretBytes stored_;
    crypto::RatchetState state_;
    bool could_send_;
    crypto::DerivedRandom random_;
    std::optional<crypto::Decrypted> decrypted_;
  };
  // Nothing without a ratchet, and where there are skipped keys: they are in the database.
  [[nodiscard]] Result<std::optional<Ahead>> ahead(ConnKey conn);
  [[nodiscard]] Result<std::expected<Opened, crypto::RatchetError>> decrypt(ConnKey conn, BytesView message,
                                                                            std::optional<Ahead> ahead = std::nullopt);

 private:
  [[nodiscard]] Result<bool> is_still(ConnKey conn, const SecretBytes& stored);
  // In the database: what a decrypted message has changed.
  [[nodiscard]] Result<std::expected<Opened, crypto::RatchetError>> store(ConnKey conn,
                                                                          const crypto::RatchetState& ratchet,
                                                                          bool could_send, crypto::Decrypted decrypted);
  [[nodiscard]] Result<std::optional<crypto::RatchetState>> find_state(ConnKey conn);
  // conflict when there is none yet
  [[nodiscard]] Result<crypto::RatchetState> state(ConnKey conn);
  [[nodiscard]] Result<> set_state(ConnKey conn, const crypto::RatchetState& state);
  [[nodiscard]] Result<> make_room_for_skipped(ConnKey conn, std::size_t more);
  [[nodiscard]] Result<> store_skipped(ConnKey conn, const crypto::SkippedKeysChange& change);
  store::Database& db_;
  Random& random_;
};

}  // namespace simplex::agent
