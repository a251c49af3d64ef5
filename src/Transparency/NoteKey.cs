using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

using Org.BouncyCastle.Math.EC.Rfc8032;

namespace EnvPlatform.Transparency;

/// <summary>
/// A public key for signed notes (C2SP signed-note): Ed25519 under a name. As text <c>NAME+ID+KEY</c>, as the format's other libraries
/// read it. The same key makes signatures with a time (C2SP tlog-cosignature), which have an id of their own.
/// </summary>
public sealed class NoteKey
{
    private const byte Ed25519Type = 1;
    private const byte TimedType = 4;
    private readonly byte[] _publicKey;

    private NoteKey(string name, byte[] publicKey)
    {
        (Name, _publicKey) = (name, publicKey);
        Id = IdOf(name, Ed25519Type, publicKey);
        TimedId = IdOf(name, TimedType, publicKey);
    }

    public string Name { get; }

    public uint Id { get; }

    /// <summary>The id of its signatures with a time.</summary>
    public uint TimedId { get; }

    /// <summary>32 bytes (RFC 8032).</summary>
    public ReadOnlySpan<byte> PublicKey => _publicKey;

    /// <exception cref="ArgumentException">The name holds a space, a control character or +, or the key is not one of 32 bytes.</exception>
    public static NoteKey Of(string name, ReadOnlySpan<byte> publicKey) => IsName(name) && publicKey.Length == Ed25519.PublicKeySize
        ? new(name, publicKey.ToArray())
        : throw new ArgumentException($"'{name}' with {publicKey.Length} bytes is not a key for notes.", nameof(name));

    /// <summary>Null for a text that is no such key, of another type, or whose id is not that of its name and key.</summary>
    public static NoteKey? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var parts = text.Trim().Split('+', 3);
        if (parts is not [var name, { Length: 8 } id, var encoded] || !IsName(name))
        {
            return null;
        }

        if (StrictBase64.Decode(encoded) is not [Ed25519Type, .. var bytes] || bytes.Length != Ed25519.PublicKeySize
            || !uint.TryParse(id, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var given))
        {
            return null;
        }

        var key = new NoteKey(name, bytes);
        return key.Id == given ? key : null;
    }

    /// <summary>Whether the key made the signature of the text.</summary>
    public bool Verifies(ReadOnlySpan<byte> text, ReadOnlySpan<byte> signature) =>
        signature.Length == Ed25519.SignatureSize
        && Ed25519.Verify(signature.ToArray(), 0, _publicKey, 0, text.ToArray(), 0, text.Length);

    public override string ToString() => $"{Name}+{Id:x8}+{Convert.ToBase64String([Ed25519Type, .. _publicKey])}";

    private static uint IdOf(string name, byte type, byte[] publicKey) =>
        BinaryPrimitives.ReadUInt32BigEndian(SHA256.HashData([.. Encoding.UTF8.GetBytes(name), (byte)'\n', type, .. publicKey]));

    private static bool IsName(string name) =>
        name.Length > 0 && !name.Any(letter => letter == '+' || char.IsWhiteSpace(letter) || char.IsControl(letter));
}
