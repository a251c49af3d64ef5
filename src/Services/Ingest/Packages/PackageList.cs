using System.Buffers;
using System.Text;

using EnvPlatform.Contracts.Masking;
using EnvPlatform.Contracts.Packages;
using EnvPlatform.ServiceDefaults;

namespace EnvPlatform.Ingest.Packages;

/// <summary>
/// A package as an agent sends it. <paramref name="Manager"/> is conda or pypi; what does not apply is left out, null or empty.
/// </summary>
/// <param name="Channel">The canonical channel name, without credentials.</param>
/// <param name="Sha256">Of the archive, 64 hexadecimal digits.</param>
/// <param name="Requested">The user asked for it by name; it is not only a dependency.</param>
public sealed record PackageEntry(
    string? Manager, string? Name, string? Version, string? Build = null, string? Subdir = null, string? Channel = null,
    string? Sha256 = null, [property: MultiLine] string? License = null, bool? Requested = null);

/// <summary>A package of a log that passed the checks.</summary>
internal sealed record ListedPackage(PackageKey Key, string? Sha256, string? License, bool Requested);

/// <summary>The packages of a log: validated, without duplicates, with their digest.</summary>
internal sealed class PackageList
{
    public const int MaxPackages = 50_000;
    private const int MaxFieldLength = 255;
    private const int MaxLicenseLength = 2_000;

    /// <summary>Bytes of a package's digest line in UTF-8; an entry of a PostgreSQL index holds no more than about 2,700.</summary>
    private const int MaxLineBytes = 2_000;
    private const int MaxErrors = 20;
    private static readonly SearchValues<char> Forbidden =
        SearchValues.Create([.. Enumerable.Range(0, 0xA0).Select(c => (char)c).Where(char.IsControl), '|']);

    private static readonly SearchValues<char> Hex = SearchValues.Create("0123456789abcdefABCDEF");

    private PackageList(IReadOnlyList<ListedPackage> packages, string digest)
    {
        Packages = packages;
        Digest = digest;
    }

    public IReadOnlyList<ListedPackage> Packages { get; }

    public string Digest { get; }

    /// <summary>Null when the input is invalid; <paramref name="errors"/> then has the errors by field.</summary>
    public static PackageList? Read(IReadOnlyList<PackageEntry?> entries, IDictionary<string, string[]> errors)
    {
        ArgumentNullException.ThrowIfNull(entries);
        if (entries.Count > MaxPackages)
        {
            errors["packages"] = [$"Holds {entries.Count} packages; at most {MaxPackages} are allowed."];
            return null;
        }

        var packages = new Dictionary<PackageKey, ListedPackage>(entries.Count);
        for (var i = 0; i < entries.Count && errors.Count < MaxErrors; i++)
        {
            if (Refuse(entries[i]) is { } refusal)
            {
                errors[$"packages[{i}]{refusal.Field}"] = [refusal.Message];
                continue;
            }

            var package = Listed(entries[i]!);
            packages[package.Key] = packages.TryGetValue(package.Key, out var same)
                ? new(same.Key, same.Sha256 ?? package.Sha256, same.License ?? package.License, same.Requested || package.Requested)
                : package;
        }

        return errors.Count > 0 ? null : new([.. packages.Values], PackageSetDigest.Compute(packages.Keys));
    }

    private static ListedPackage Listed(PackageEntry entry) =>
        new(
            new(entry.Manager!, entry.Channel ?? "", entry.Subdir ?? "", entry.Name!, entry.Version!, entry.Build ?? ""),
            string.IsNullOrEmpty(entry.Sha256) ? null : entry.Sha256.ToLowerInvariant(),
            string.IsNullOrEmpty(entry.License) ? null : entry.License, entry.Requested ?? false);

    private static (string Field, string Message)? Refuse(PackageEntry? entry)
    {
        if (entry is null)
        {
            return ("", "Must be an object.");
        }

        if (entry.Manager is not ("conda" or "pypi"))
        {
            return (".manager", "Must be conda or pypi.");
        }

        if (string.IsNullOrEmpty(entry.Name) || string.IsNullOrEmpty(entry.Version))
        {
            return (string.IsNullOrEmpty(entry.Name) ? ".name" : ".version", "Is required.");
        }

        return RefuseText(".name", entry.Name) ?? RefuseText(".version", entry.Version) ?? RefuseText(".build", entry.Build)
            ?? RefuseText(".subdir", entry.Subdir) ?? RefuseText(".channel", entry.Channel) ?? RefuseRest(entry);
    }

    /// <remarks>
    /// The bar and the line feed separate the fields and lines of the digest: a field that held them could give two sets the same digest.
    /// </remarks>
    private static (string Field, string Message)? RefuseText(string field, string? text)
    {
        if (text is null)
        {
            return null;
        }

        if (text.Length > MaxFieldLength)
        {
            return (field, $"Has {text.Length} characters; at most {MaxFieldLength} are allowed.");
        }

        return text.AsSpan().ContainsAny(Forbidden) ? (field, "Holds a control character or a bar (|).") : null;
    }

    private static (string Field, string Message)? RefuseRest(PackageEntry entry)
    {
        // A plain name, as nearly all are, holds none of what a secret in a channel needs.
        if (entry.Channel is not null && entry.Channel.AsSpan().ContainsAny("/@%=_") && Secrets.Masked(entry.Channel) != entry.Channel)
        {
            return (".channel", "Holds credentials; send the canonical channel name.");
        }

        if (!string.IsNullOrEmpty(entry.Sha256) && (entry.Sha256.Length != 64 || entry.Sha256.AsSpan().ContainsAnyExcept(Hex)))
        {
            return (".sha256", "Must be 64 hexadecimal digits.");
        }

        if (entry.License?.Length > MaxLicenseLength)
        {
            return (".license", $"Has {entry.License.Length} characters; at most {MaxLicenseLength} are allowed.");
        }

        return LineIsTooLong(entry) ? ("", $"The fields have more than {MaxLineBytes} bytes together.") : null;
    }

    private static bool LineIsTooLong(PackageEntry entry)
    {
        var key = Listed(entry).Key;
        // A character of UTF-16 has at most three bytes in UTF-8: usually there is nothing to count.
        var length = key.Manager.Length + key.Channel.Length + key.Subdir.Length + key.Name.Length + key.Version.Length
            + key.Build.Length + 5;
        return length > MaxLineBytes / 3 && Encoding.UTF8.GetByteCount(key.ToString()) > MaxLineBytes;
    }
}
