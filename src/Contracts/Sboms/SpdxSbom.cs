using System.Globalization;
using System.Text.Json.Nodes;

namespace EnvPlatform.Contracts.Sboms;

/// <summary>Writes an SBOM in SPDX 2.3 (https://spdx.github.io/spdx-spec/v2.3). Vulnerabilities are no part of it.</summary>
public static class SpdxSbom
{
    public const string Format = "spdx";
    public const string MediaType = "application/spdx+json";

    private const string Document = "SPDXRef-DOCUMENT";
    private const string Environment = "SPDXRef-Environment";
    private const string Unknown = "NOASSERTION";

    public static JsonObject Write(Sbom sbom)
    {
        ArgumentNullException.ThrowIfNull(sbom);
        var licenses = new Licenses();
        var tool = $"Tool: {Sbom.ToolName}-{sbom.Tool}";
        var packages = sbom.Packages.Select((package, at) => (JsonNode)Package(package, Reference(at), licenses)).ToArray();
        return new()
        {
            ["spdxVersion"] = "SPDX-2.3",
            ["dataLicense"] = "CC0-1.0",
            ["SPDXID"] = Document,
            ["name"] = sbom.Name,
            ["documentNamespace"] = $"urn:uuid:{sbom.Id}",
            ["comment"] = Comment(sbom),
            ["creationInfo"] = new JsonObject
            {
                ["created"] = Sbom.Time(sbom.CreatedAt),
                ["creators"] = new JsonArray([.. new[] { tool, sbom.Author is null ? null : $"Organization: {sbom.Author}" }
                    .OfType<string>().Select(creator => (JsonNode)creator)]),
            },
            ["packages"] = new JsonArray([EnvironmentOf(sbom, tool), .. packages]),
            ["hasExtractedLicensingInfos"] = licenses.Extracted(),
            ["relationships"] = new JsonArray(
            [
                Relationship(Document, "DESCRIBES", Environment),
                .. sbom.Packages.Select((_, at) => Relationship(Environment, "CONTAINS", Reference(at))),

                // The specification's way to say that there may be more.
                .. sbom.Incomplete is { Count: 0 } ? [] : new[] { Relationship(Environment, "CONTAINS", Unknown) },
            ]),
        };
    }

    private static string Comment(Sbom sbom) => "The packages of a conda environment"
        + (sbom.Platform is { } platform ? $" for {platform}" : ", for which platform is not known")
        + sbom.Incomplete?.Count switch
        {
            null => ". Whether all of it was read is not known.",
            0 => ". All of it was read.",
            var count => $". {count} of it could not be read in full: see the annotations of {Environment}.",
        } + " Whether it has vulnerabilities is not part of this document.";

    private static JsonObject EnvironmentOf(Sbom sbom, string tool)
    {
        var package = new JsonObject
        {
            ["SPDXID"] = Environment,
            ["name"] = sbom.Name,
            ["versionInfo"] = sbom.Digest,
            ["downloadLocation"] = Unknown,
            ["filesAnalyzed"] = false,
            ["licenseConcluded"] = Unknown,
            ["licenseDeclared"] = Unknown,
            ["copyrightText"] = Unknown,
        };
        if (sbom.Incomplete is { Count: > 0 } incomplete)
        {
            package["annotations"] = new JsonArray([.. incomplete.Select(one => new JsonObject
            {
                ["annotationType"] = "OTHER",
                ["annotator"] = tool,
                ["annotationDate"] = Sbom.Time(sbom.CreatedAt),
                ["comment"] = $"Not read in full ({one.Reason}): {one.What}",
            })]);
        }

        return package;
    }

    private static JsonObject Package(SbomPackage package, string id, Licenses licenses)
    {
        var written = new JsonObject
        {
            ["SPDXID"] = id,
            ["name"] = package.Name,
            ["versionInfo"] = package.Version,
            ["downloadLocation"] = Unknown,
            ["filesAnalyzed"] = false,
            ["licenseConcluded"] = Unknown,
            ["licenseDeclared"] = licenses.Of(package.License),
            ["copyrightText"] = Unknown,
            ["externalRefs"] = new JsonArray(new JsonObject
            {
                ["referenceCategory"] = "PACKAGE-MANAGER",
                ["referenceType"] = "purl",
                ["referenceLocator"] = package.Url,
            }),
        };
        if (package.Sha256 is { } hash)
        {
            written["checksums"] = new JsonArray(new JsonObject { ["algorithm"] = "SHA256", ["checksumValue"] = hash.ToLowerInvariant() });
        }

        return written;
    }

    private static JsonObject Relationship(string from, string type, string to) =>
        new() { ["spdxElementId"] = from, ["relationshipType"] = type, ["relatedSpdxElement"] = to };

    private static string Reference(int at) => "SPDXRef-Package-" + (at + 1).ToString(CultureInfo.InvariantCulture);

    /// <summary>The licences of a document: those that are no expression are given an identifier in it.</summary>
    private sealed class Licenses
    {
        private readonly Dictionary<string, string> _texts = new(StringComparer.Ordinal);
        private readonly SortedDictionary<string, string> _referred = new(StringComparer.Ordinal);

        public string Of(string? license)
        {
            if (string.IsNullOrWhiteSpace(license))
            {
                return Unknown;
            }

            if (SpdxExpression.Read(license) is { } expression)
            {
                foreach (var reference in SpdxExpression.ReferencesIn(expression))
                {
                    _referred[reference] = "The package names this licence; its text is not known.";
                }

                return expression;
            }

            if (!_texts.TryGetValue(license, out var id))
            {
                id = "LicenseRef-envplatform-" + (_texts.Count + 1).ToString(CultureInfo.InvariantCulture);
                _texts[license] = id;
            }

            return id;
        }

        public JsonArray Extracted() => new([
            .. _texts.Select(pair => Info(pair.Value, pair.Key)), .. _referred.Select(pair => Info(pair.Key, pair.Value)),
        ]);

        private static JsonObject Info(string id, string text) => new() { ["licenseId"] = id, ["extractedText"] = text };
    }
}
