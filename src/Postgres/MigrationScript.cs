using System.Reflection;
using System.Security.Cryptography;
using System.Text;

namespace EnvPlatform.Postgres;

/// <summary>One embedded migration: its source, its file name, its text and the SHA-256 of the text.</summary>
internal sealed record MigrationScript(string Source, string Name, string Sql, string Sha256)
{
    /// <summary>The scripts of an assembly, in the order of their numbers.</summary>
    public static IEnumerable<MigrationScript> From(Assembly assembly) =>
        from resource in assembly.GetManifestResourceNames()
        where resource.StartsWith("migrations/", StringComparison.Ordinal)
        orderby resource
        select Read(assembly, resource);

    public void RefuseWhenEdited(string appliedSha256)
    {
        if (!string.Equals(appliedSha256, Sha256, StringComparison.Ordinal))
        {
            throw new InvalidOperationException(
                $"Migration {Source}/{Name} was applied to this database with another text. Migrations are never edited: write a new one.");
        }
    }

    private static MigrationScript Read(Assembly assembly, string resource)
    {
        using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!, Encoding.UTF8);
        var sql = reader.ReadToEnd();
        return new(
            assembly.GetName().Name!, resource["migrations/".Length..], sql,
            Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(sql))));
    }
}
