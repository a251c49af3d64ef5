using System.Net.Http.Json;
using System.Text.Json;

using EnvPlatform.Testing;
using EnvPlatform.Transparency;

namespace EnvPlatform.Audit.Tests.Proofs;

/// <summary>The keys that sign checkpoints follow one another.</summary>
public sealed class SigningKeyTests
{
    private AuditPlatform _platform = null!;

    [SetUp]
    public async Task StartAsync() => _platform = await AuditPlatform.StartAsync(instances: 2);

    [TearDown]
    public async Task StopAsync() => await _platform.DisposeAsync();

    [Test]
    public async Task Before_a_key_ends_the_next_one_signs_as_well()
    {
        var first = (await KeysAsync())[0];
        await _platform.ScalarAsync<int>("update audit_signing_keys set valid_until = now() + interval '29 days'");
        await Eventually.BecomesTrueAsync(async () => (await KeysAsync()).Count == 2, "the next key is there", 60);
        var keys = await KeysAsync();
        await Eventually.BecomesTrueAsync(
            async () =>
            {
                var note = await CheckpointAsync();
                return keys.All(key => note.IsSignedBy(key, out _));
            }, "both sign", 60);
        Assert.That(keys.Select(key => key.ToString()), Does.Contain(first.ToString()));
        Assert.That(await _platform.ScalarAsync<long>("select count(*) from audit_signing_keys"), Is.EqualTo(2), "one, of two instances");
    }

    [Test]
    public async Task A_key_that_cannot_be_read_is_replaced_and_the_operator_is_told()
    {
        var first = (await KeysAsync())[0];
        await _platform.ScalarAsync<int>(
            "update audit_signing_keys set sealed_key = set_byte(sealed_key, 40, get_byte(sealed_key, 40) # 1)");
        await Eventually.BecomesTrueAsync(async () => (await KeysAsync()).Count == 2, "the next key is there", 60);
        await Eventually.BecomesTrueAsync(
            async () => await _platform.ScalarAsync<long>(
                """
                select count(*) from audit_events
                where org_id = $1 and action_key = 'audit_log_key_created'
                    and convert_from(entry, 'UTF8')::jsonb -> 'meta' ->> 'unreadable' = '1'
                """, Guid.Empty) == 1, "the operator's log says so", 60);
        // The checkpoint that is there stands until the log grows, and an instance remembers the keys for a while.
        var second = (await KeysAsync()).Single(key => key.ToString() != first.ToString());
        await Eventually.BecomesTrueAsync(
            async () =>
            {
                await _platform.PublishAsync(_platform.NewEvent());
                var note = await CheckpointAsync();
                return note.IsSignedBy(second, out _) && !note.IsSignedBy(first, out _);
            },
            "the next checkpoint is signed with the next key alone", 120);
    }

    [Test]
    public async Task The_private_key_is_stored_encrypted()
    {
        await KeysAsync();
        var isSealed = await _platform.ScalarAsync<bool>("select bool_and(octet_length(sealed_key) = 60) from audit_signing_keys");
        Assert.That(isSealed, Is.True, "nonce, tag and 32 bytes");
    }

    private async Task<SignedNote> CheckpointAsync() =>
        SignedNote.Parse(await _platform.Auditor().GetStringAsync(new Uri("/api/audit-logs/checkpoint", UriKind.Relative)))!;

    private async Task<List<NoteKey>> KeysAsync() =>
    [
        .. (await _platform.Auditor().GetFromJsonAsync<JsonElement>("/api/audit-logs/keys")).GetProperty("items").EnumerateArray()
            .Select(key => NoteKey.Parse(key.GetProperty("key").GetString()!)!),
    ];
}
