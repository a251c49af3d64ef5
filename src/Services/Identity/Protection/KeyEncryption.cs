using System.Security.Cryptography;
using System.Text;
using System.Xml.Linq;

using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.DataProtection.XmlEncryption;

namespace EnvPlatform.Identity.Protection;

/// <summary>
/// Encrypts the keys of data protection at rest, with a key that is derived from the service's secret: whoever reads the database alone can
/// use none of them. AES-256-GCM (NIST SP 800-38D); the form is nonce, tag, ciphertext in base64.
/// </summary>
internal sealed class KeyEncryption(ServiceSecret secret) : IXmlEncryptor
{
    private static readonly XName Name = "encryptedByServiceSecret";

    public EncryptedXmlInfo Encrypt(XElement plaintextElement)
    {
        var nonce = RandomNumberGenerator.GetBytes(AesGcm.NonceByteSizes.MaxSize);
        var plain = Encoding.UTF8.GetBytes(plaintextElement.ToString(SaveOptions.DisableFormatting));
        var (tag, cipher) = (new byte[AesGcm.TagByteSizes.MaxSize], new byte[plain.Length]);
        using var aes = Aes(secret);
        aes.Encrypt(nonce, plain, cipher, tag);
        CryptographicOperations.ZeroMemory(plain);
        return new(new XElement(Name, Convert.ToBase64String([.. nonce, .. tag, .. cipher])), typeof(Decryptor));
    }

    private static AesGcm Aes(ServiceSecret secret) => new(secret.Derive("data protection keys"), AesGcm.TagByteSizes.MaxSize);

    /// <summary>Created by the framework, which gives it the services.</summary>
    internal sealed class Decryptor(IServiceProvider services) : IXmlDecryptor
    {
        public XElement Decrypt(XElement encryptedElement)
        {
            ReadOnlySpan<byte> bytes = Convert.FromBase64String(encryptedElement.Value);
            var (nonceLength, tagLength) = (AesGcm.NonceByteSizes.MaxSize, AesGcm.TagByteSizes.MaxSize);
            var cipher = bytes[(nonceLength + tagLength)..];
            var plain = new byte[cipher.Length];
            using var aes = Aes(services.GetRequiredService<ServiceSecret>());
            aes.Decrypt(bytes[..nonceLength], cipher, bytes.Slice(nonceLength, tagLength), plain);
            return XElement.Parse(Encoding.UTF8.GetString(plain));
        }
    }
}
