using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace EnvPlatform.Transparency;

/// <summary>A text with the signatures of one or more keys (C2SP signed-note).</summary>
/// <param name="Text">What is signed, with its last line feed.</param>
public sealed record SignedNote(string Text, IReadOnlyList<NoteSignature> Signatures)
{
    private const string Dash = "\u2014 ";
    private const int MaxLength = 1_000_000;
    private const int TimeLength = 8;

    /// <summary>Null for what is not a signed note.</summary>
    public static SignedNote? Parse(string note)
    {
        ArgumentNullException.ThrowIfNull(note);
        var split = note.LastIndexOf("\n\n", StringComparison.Ordinal);
        if (note.Length > MaxLength || split < 1 || !note.EndsWith('\n') || note.Any(letter => letter is < ' ' and not '\n'))
        {
            return null;
        }

        var signatures = new List<NoteSignature>();
        foreach (var line in note[(split + 2)..^1].Split('\n'))
        {
            if (!line.StartsWith(Dash, StringComparison.Ordinal)
                || line[Dash.Length..].Split(' ') is not [{ Length: > 0 } name, var encoded])
            {
                return null;
            }

            if (StrictBase64.Decode(encoded) is not { Length: > 4 } bytes)
            {
                return null;
            }

            signatures.Add(new(name, BinaryPrimitives.ReadUInt32BigEndian(bytes), bytes.AsMemory(4)));
        }

        return new(note[..(split + 1)], signatures);
    }

    /// <summary>Signs a text with each of the signers: the plain signature, and one that holds the time.</summary>
    /// <exception cref="ArgumentException">The text does not end with a line feed.</exception>
    public static string Sign(string text, DateTimeOffset time, IEnumerable<INoteSigner> signers)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(signers);
        if (!text.EndsWith('\n'))
        {
            throw new ArgumentException("The text of a note ends with a line feed.", nameof(text));
        }

        var note = new StringBuilder(text).Append('\n');
        var seconds = time.ToUnixTimeSeconds();
        foreach (var signer in signers)
        {
            var timed = new byte[TimeLength];
            BinaryPrimitives.WriteInt64BigEndian(timed, seconds);
            Add(signer.Key.Id, signer.Sign(Encoding.UTF8.GetBytes(text)));
            Add(signer.Key.TimedId, [.. timed, .. signer.Sign(Timed(text, seconds))]);

            void Add(uint id, byte[] signature)
            {
                var bytes = new byte[4 + signature.Length];
                BinaryPrimitives.WriteUInt32BigEndian(bytes, id);
                signature.CopyTo(bytes, 4);
                note.Append(Dash).Append(signer.Key.Name).Append(' ').Append(Convert.ToBase64String(bytes)).Append('\n');
            }
        }

        return note.ToString();
    }

    /// <summary>
    /// Whether a key signed it, and when where it says so. False where one of the key's signatures is not valid, whatever the others are.
    /// </summary>
    public bool IsSignedBy(NoteKey key, out DateTimeOffset? time)
    {
        ArgumentNullException.ThrowIfNull(key);
        time = null;
        var isSigned = false;
        foreach (var signature in Signatures.Where(signature => signature.Name == key.Name))
        {
            if (signature.KeyId == key.Id)
            {
                if (!key.Verifies(Encoding.UTF8.GetBytes(Text), signature.Bytes.Span))
                {
                    return false;
                }

                isSigned = true;
            }
            else if (signature.KeyId == key.TimedId)
            {
                if (signature.Bytes.Length <= TimeLength)
                {
                    return false;
                }

                var seconds = BinaryPrimitives.ReadInt64BigEndian(signature.Bytes.Span);
                if (seconds is < 0 or > 253_402_300_799 || !key.Verifies(Timed(Text, seconds), signature.Bytes.Span[TimeLength..]))
                {
                    return false;
                }

                time = DateTimeOffset.FromUnixTimeSeconds(seconds);
            }
        }

        return isSigned;
    }

    private static byte[] Timed(string text, long seconds) =>
        Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"cosignature/v1\ntime {seconds}\n{text}"));
}
