using System.Text;

using EnvPlatform.Transparency;

namespace EnvPlatform.Audit.Tests.Proofs;

/// <summary>Signed notes and checkpoints as the format's other libraries write and read them.</summary>
public sealed class NoteTests
{
    private const string Name = "example.org/audit";
    private static readonly DateTimeOffset Now = new(2026, 11, 28, 3, 0, 0, TimeSpan.Zero);
    private static readonly Ed25519Signer Signer = new(Name, [.. Enumerable.Range(0, 32).Select(i => (byte)i)]);

    // RFC 8032, section 7.1, tests 1 and 2.
    [TestCase("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")]
    [TestCase("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")]
    public void Keys_and_signatures_are_those_of_the_standard(string privateKey, string publicKey, string text, string signature)
    {
        var signer = new Ed25519Signer(Name, Convert.FromHexString(privateKey));
        var bytes = Convert.FromHexString(text);
        Assert.Multiple(() =>
        {
            Assert.That(Convert.ToHexStringLower(signer.Key.PublicKey), Is.EqualTo(publicKey));
            Assert.That(Convert.ToHexStringLower(signer.Sign(bytes)), Is.EqualTo(signature));
            Assert.That(signer.Key.Verifies(bytes, Convert.FromHexString(signature)), Is.True);
            Assert.That(signer.Key.Verifies([.. bytes, 0], Convert.FromHexString(signature)), Is.False);
        });
    }

    /// <summary>The example in the documentation of Go's package of the format.</summary>
    [Test]
    public void A_note_of_another_library_is_verified_with_its_key()
    {
        var key = NoteKey.Parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")!;
        var note = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
            + "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
        Assert.That(SignedNote.Parse(note)!.IsSignedBy(key, out var time), Is.True);
        Assert.That(time, Is.Null);
        Assert.That(SignedNote.Parse(note.Replace("think", "thing"))!.IsSignedBy(key, out _), Is.False);
    }

    [TestCase("PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")]
    [TestCase("PeterNeumann+c74f20a3+AhpC2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")]
    [TestCase("Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")]
    [TestCase("PeterNeumann+c74f20a3")]
    [TestCase("")]
    public void What_is_no_key_is_none(string text) => Assert.That(NoteKey.Parse(text), Is.Null);

    [Test]
    public void A_key_is_read_as_it_is_written() =>
        Assert.That(NoteKey.Parse(Signer.Key.ToString())!.ToString(), Is.EqualTo(Signer.Key.ToString()));

    [Test]
    public void A_checkpoint_is_these_lines_and_tells_when_it_was_signed()
    {
        var root = MerkleHash.Leaf("x"u8);
        var text = new Checkpoint(Name, 7, root).ToText();
        Assert.That(text, Is.EqualTo($"{Name}\n7\n{Convert.ToBase64String(root)}\n"));
        var note = SignedNote.Parse(SignedNote.Sign(text, Now, [Signer]))!;
        Assert.Multiple(() =>
        {
            Assert.That(note.IsSignedBy(Signer.Key, out var time), Is.True);
            Assert.That(time, Is.EqualTo(Now));
            Assert.That(note.Signatures, Has.Count.EqualTo(2));
            var read = Checkpoint.Parse(note.Text)!;
            Assert.That((read.Origin, read.Size), Is.EqualTo((Name, 7L)));
            Assert.That(read.Root.ToArray(), Is.EqualTo(root));
        });
    }

    [Test]
    public void Any_changed_letter_of_a_checkpoint_is_noticed()
    {
        var note = SignedNote.Sign(new Checkpoint(Name, 7, MerkleHash.Empty).ToText(), Now, [Signer]);
        for (var i = 0; i < note.Length; i++)
        {
            var changed = note[..i] + (note[i] == 'A' ? 'B' : 'A') + note[(i + 1)..];
            var parsed = SignedNote.Parse(changed);
            var isBelieved = parsed is not null && parsed.IsSignedBy(Signer.Key, out var time) && time == Now
                && parsed.Text == new Checkpoint(Name, 7, MerkleHash.Empty).ToText();
            Assert.That(isBelieved, Is.False, $"letter {i}");
        }
    }

    [Test]
    public void Signatures_of_unknown_keys_are_passed_over_and_those_of_a_known_one_must_all_be_valid()
    {
        var other = new Ed25519Signer(Name, [.. Enumerable.Range(1, 32).Select(i => (byte)i)]);
        var text = new Checkpoint(Name, 7, MerkleHash.Empty).ToText();
        var both = SignedNote.Parse(SignedNote.Sign(text, Now, [other, Signer]))!;
        Assert.That(both.IsSignedBy(Signer.Key, out _) && both.IsSignedBy(other.Key, out _), Is.True);
        Assert.That(SignedNote.Parse(SignedNote.Sign(text, Now, [other]))!.IsSignedBy(Signer.Key, out _), Is.False);
        var bad = both with { Signatures = [.. both.Signatures, both.Signatures[2] with { Bytes = new byte[64] }] };
        Assert.That(bad.IsSignedBy(Signer.Key, out _), Is.False);
    }

    [TestCase("")]
    [TestCase("text\n")]
    [TestCase("text\n\n— name\n")]
    [TestCase("text\n\n- name AAAAAAAA\n")]
    [TestCase("text\n\n— name AAAA\n")]
    [TestCase("text\n\n— name AAAAAAAA")]
    [TestCase("te\rxt\n\n— name AAAAAAAA\n")]
    public void What_is_no_note_is_none(string note) => Assert.That(SignedNote.Parse(note), Is.Null);

    [TestCase("o\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", true)]
    [TestCase("o\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nextension\n", true)]
    [TestCase("o\n01\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", false)]
    [TestCase("o\n-1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", false)]
    [TestCase("o\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuF==\n", false)]
    [TestCase("\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", false)]
    [TestCase("o\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", false)]
    [TestCase("o\n1\n", false)]
    public void What_is_no_checkpoint_is_none(string text, bool isCheckpoint) =>
        Assert.That(Checkpoint.Parse(text), isCheckpoint ? Is.Not.Null : Is.Null);

    [Test]
    public void The_time_is_signed_as_a_cosignature_is()
    {
        var text = new Checkpoint(Name, 7, MerkleHash.Empty).ToText();
        var timed = SignedNote.Parse(SignedNote.Sign(text, Now, [Signer]))!.Signatures[1];
        Assert.That(timed.KeyId, Is.EqualTo(Signer.Key.TimedId).And.Not.EqualTo(Signer.Key.Id));
        Assert.That(Signer.Key.Verifies(
            Encoding.UTF8.GetBytes($"cosignature/v1\ntime {Now.ToUnixTimeSeconds()}\n{text}"), timed.Bytes.Span[8..]), Is.True);
    }
}
