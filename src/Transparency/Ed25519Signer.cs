using System.Security.Cryptography;

using Org.BouncyCastle.Math.EC.Rfc8032;

namespace EnvPlatform.Transparency;

/// <summary>Signs with a private key that is in memory (Ed25519, RFC 8032).</summary>
public sealed class Ed25519Signer : INoteSigner
{
    /// <summary>Bytes of a private key.</summary>
    public const int PrivateKeySize = 32;

    private readonly byte[] _privateKey;
    private readonly byte[] _publicKey;

    public Ed25519Signer(string name, byte[] privateKey)
    {
        _privateKey = privateKey;
        _publicKey = PublicKeyOf(privateKey);
        Key = NoteKey.Of(name, _publicKey);
    }

    public NoteKey Key { get; }

    public static byte[] NewPrivateKey() => RandomNumberGenerator.GetBytes(PrivateKeySize);

    public static byte[] PublicKeyOf(byte[] privateKey)
    {
        var publicKey = new byte[Ed25519.PublicKeySize];
        Ed25519.GeneratePublicKey(privateKey, 0, publicKey, 0);
        return publicKey;
    }

    public byte[] Sign(byte[] text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var signature = new byte[Ed25519.SignatureSize];
        Ed25519.Sign(_privateKey, 0, _publicKey, 0, text, 0, text.Length, signature, 0);
        return signature;
    }
}
