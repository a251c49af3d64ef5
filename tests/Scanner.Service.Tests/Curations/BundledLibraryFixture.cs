using EnvPlatform.Ingest.Packages;

namespace EnvPlatform.Scanner.Service.Tests.Curations;

/// <summary>Two advisories of one distribution: one about the OpenSSL inside its wheels, one about its own code.</summary>
public abstract class BundledLibraryFixture : CurationFixture
{
    protected const string InWheel = "CVE-2023-0286";
    protected const string OwnCode = "CVE-2026-80200";

    protected static PackageEntry Cryptography { get; } = Conda("cryptography", "45.0.4", "py39hd97740a_0");

    protected static PackageEntry OpenSsl { get; } = Conda("openssl", "3.6.0", "h166bdaf_0");

    protected override async Task PrepareAsync()
    {
        await base.PrepareAsync();
        await ImportAsync(File(
            Record("PYSEC-2026-800", "cryptography", null, "46.0.1", [InWheel], Critical),
            Record("PYSEC-2026-802", "cryptography", null, "46.0.1", [OwnCode], Medium)));
    }
}
