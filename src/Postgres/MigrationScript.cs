using System.Reflection;
using System.Security.Cryptography;
using System.Text;

namespace EnvPlatform.Postgres;

/// <summary>One embedded migration: its source, its file name, its text and the SHA-256 of the text.</summary>
/// <param name="Source">The assembly of the service, or the shared one, to which it belongs.</param>
public sealed record MigrationScript(string Source, string Name, string Sql, string Sha256)
{
    private const string Folder = "migrations/";

    /// <summary>The scripts of a service, in the order in which they are applied: those that all services share come first.</summary>
    /// <param name="service">Has them embedded as <c>migrations/NNNN_name.sql</c>.</param>
    public static IReadOnlyList<MigrationScript> Of(Assembly service)
    {
        ArgumentNullException.ThrowIfNull(service);
        return [.. Shared, .. From(service, Folder, service.GetName().Name!)];
    }

    /// <summary>The scripts of a service that are embedded in another assembly.</summary>
    /// <param name="folder">The beginning of the resources' names, up to the file name.</param>
    /// <param name="service">The name of the service's own assembly.</param>
    public static IReadOnlyList<MigrationScript> Of(Assembly assembly, string folder, string service)
    {
        ArgumentNullException.ThrowIfNull(assembly);
        return [.. Shared, .. From(assembly, folder, service)];
    }

    private static IEnumerable<MigrationScript> Shared =>
        From(typeof(MigrationScript).Assembly, Folder, typeof(MigrationScript).Assembly.GetName().Name!);

    public void RefuseWhenEdited(string appliedSha256)
    {
        if (!string.Equals(appliedSha256, Sha256, StringComparison.Ordinal))
        {
            throw new InvalidOperationException(
                $"Migration {Source}/{Name} was applied to this database with another text. Migrations are never edited: write a new one.");
        }
    }

    private static IEnumerable<MigrationScript> From(Assembly assembly, string folder, string source) =>
        from resource in assembly.GetManifestResourceNames()
        where resource.StartsWith(folder, StringComparison.Ordinal)
        orderby resource
        select Read(assembly, resource, source, resource[folder.Length..]);

    private static MigrationScript Read(Assembly assembly, string resource, string source, string name)
    {
        using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!, Encoding.UTF8);
        var sql = reader.ReadToEnd();
        return new(source, name, sql, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(sql))));
    }
}
