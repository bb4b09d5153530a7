//! Reading from a scanned message.

use super::{Defect, DefectKind, Layout, Line, Start};
use crate::sip::header::{Address, CSeq, Contact, HeaderError, HeaderName, Via};
use crate::sip::method::Method;
use crate::sip::uri::Uri;
use crate::text;

/// A scanned message: its bytes and where the parts are.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    bytes: &'a [u8],
    pub(super) layout: &'a Layout,
}

/// A header line of a message, for those who copy messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawLine<'a> {
    pub(crate) name: HeaderName,
    /// The name as it was written.
    pub(crate) written: &'a [u8],
    pub(crate) value: &'a [u8],
    /// Where the line begins, and where the next one does.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl<'a> Message<'a> {
    /// A message from bytes and the layout that [`scan`](super::scan) made of them.
    #[must_use]
    pub fn new(bytes: &'a [u8], layout: &'a Layout) -> Self {
        Message { bytes, layout }
    }

    /// The message, without line ends before it and without excess bytes behind it.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.layout.whole.of(self.bytes)
    }

    /// Whether this is a request.
    #[must_use]
    pub fn is_request(&self) -> bool {
        matches!(self.layout.start, Start::Request { .. })
    }

    /// The method of a request; of a response that in CSeq, or an empty one.
    #[must_use]
    pub fn method(&self) -> Method<'a> {
        match self.layout.start {
            Start::Request { method, .. } => Method::parse(method.of(self.bytes)),
            _ => self.cseq().map_or(Method::Other(b""), |cseq| cseq.method),
        }
    }

    /// The Request-URI as it was written; empty for a response.
    #[must_use]
    pub fn request_uri(&self) -> &'a [u8] {
        match self.layout.start {
            Start::Request { uri, .. } => uri.of(self.bytes),
            _ => b"",
        }
    }

    /// The status code; 0 for a request.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self.layout.start {
            Start::Response { status, .. } => status,
            _ => 0,
        }
    }

    /// The reason phrase, which may be empty.
    #[must_use]
    pub fn reason(&self) -> &'a [u8] {
        match self.layout.start {
            Start::Response { reason, .. } => reason.of(self.bytes),
            _ => b"",
        }
    }

    /// The value of the first header of this name, trimmed.
    #[must_use]
    pub fn header(&self, name: HeaderName) -> Option<&'a [u8]> {
        self.layout.first(name).map(|line| line.value.of(self.bytes))
    }

    /// The value of every line of this name, trimmed; compact forms count.
    pub fn headers(&self, name: HeaderName) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        let bytes = self.bytes;
        self.layout
            .since_first(name)
            .iter()
            .filter(move |line| line.name == name)
            .map(move |line| line.value.of(bytes))
    }

    /// The value of the first header of this name, which may be one that is not recognised.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&'a [u8]> {
        let known = HeaderName::recognise(name.as_bytes());
        if known != HeaderName::Other {
            return self.header(known);
        }
        self.lines()
            .find(|line| line.written.eq_ignore_ascii_case(name.as_bytes()))
            .map(|line| line.value)
    }

    /// The values of a header that is a comma list, over all its lines (RFC 3261 s7.3.1).
    pub fn values(&self, name: HeaderName) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        self.headers(name).flat_map(text::commas)
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        self.layout.body.of(self.bytes)
    }

    /// Call-ID; empty if it is missing.
    #[must_use]
    pub fn call_id(&self) -> &'a [u8] {
        self.header(HeaderName::CallId).unwrap_or_default()
    }

    /// CSeq, if it is there and well-formed.
    #[must_use]
    pub fn cseq(&self) -> Option<CSeq<'a>> {
        CSeq::parse(self.header(HeaderName::CSeq)?).ok()
    }

    /// The first value of the first Via, as it was written.
    #[must_use]
    pub fn top_via_value(&self) -> Option<&'a [u8]> {
        let line = self.header(HeaderName::Via)?;
        Some(text::trim(&line[..text::element_end(line, b',')]))
    }

    /// The topmost Via, if it is well-formed.
    #[must_use]
    pub fn top_via(&self) -> Option<Via<'a>> {
        Via::parse(self.top_via_value()?).ok()
    }

    /// Every Via value in order.
    pub fn vias(&self) -> impl Iterator<Item = Result<Via<'a>, HeaderError>> + use<'a> {
        self.values(HeaderName::Via).map(Via::parse)
    }

    /// From.
    ///
    /// # Errors
    ///
    /// [`HeaderError`] if it is missing or malformed.
    pub fn from(&self) -> Result<Address<'a>, HeaderError> {
        self.address(HeaderName::From)
    }

    /// To.
    ///
    /// # Errors
    ///
    /// [`HeaderError`] if it is missing or malformed.
    pub fn to(&self) -> Result<Address<'a>, HeaderError> {
        self.address(HeaderName::To)
    }

    fn address(&self, name: HeaderName) -> Result<Address<'a>, HeaderError> {
        let value = self.header(name).ok_or(HeaderError::Missing)?;
        self.bounded(Address::parse(value)?)
    }

    fn bounded(&self, address: Address<'a>) -> Result<Address<'a>, HeaderError> {
        if address.uri().len() > self.layout.uri_bytes as usize {
            return Err(HeaderError::UriTooLong);
        }
        Ok(address)
    }

    /// Max-Forwards; `None` if it is absent, which stands for 70 (RFC 3261 s16.6 step 3).
    ///
    /// # Errors
    ///
    /// [`HeaderError::Number`] for anything but 0 to 255.
    pub fn max_forwards(&self) -> Result<Option<u8>, HeaderError> {
        let Some(value) = self.header(HeaderName::MaxForwards) else { return Ok(None) };
        let hops = text::number(value).and_then(|hops| u8::try_from(hops).ok());
        hops.map(Some).ok_or(HeaderError::Number)
    }

    /// The Expires header in seconds. Too large a number saturates; one that is malformed counts
    /// as an hour (RFC 3261 s20.19, s10.2.1.1).
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        let value = self.header(HeaderName::Expires)?;
        Some(text::saturating_number(value).unwrap_or(crate::sip::header::DEFAULT_EXPIRES))
    }

    /// Every Contact value in order.
    pub fn contacts(&self) -> impl Iterator<Item = Result<Contact<'a>, HeaderError>> + use<'a> {
        let this = *self;
        self.values(HeaderName::Contact).map(move |value| {
            let contact = Contact::parse(value)?;
            if let Contact::Address(address) = &contact {
                this.bounded(address.address())?;
            }
            Ok(contact)
        })
    }

    /// Every Route value in order.
    pub fn routes(&self) -> impl Iterator<Item = Result<Address<'a>, HeaderError>> + use<'a> {
        self.addresses(HeaderName::Route)
    }

    /// Every value of a header that lists addresses: Route, Record-Route, Path, …
    pub fn addresses(
        &self,
        name: HeaderName,
    ) -> impl Iterator<Item = Result<Address<'a>, HeaderError>> + use<'a> {
        let this = *self;
        self.values(name).map(move |value| this.bounded(Address::parse(value)?))
    }

    /// Content-Type.
    #[must_use]
    pub fn content_type(&self) -> Option<&'a [u8]> {
        self.header(HeaderName::ContentType)
    }

    /// User-Agent.
    #[must_use]
    pub fn user_agent(&self) -> Option<&'a [u8]> {
        self.header(HeaderName::UserAgent)
    }

    /// RFC 3261 s16.3 check 1, "reasonable syntax", for a request that scanned: Request-URI,
    /// every Via, From, To, Contact and Route must parse, and the Request-URI carry no headers
    /// (s19.1.1; RFC 4475 s3.1.2.11).
    ///
    /// # Errors
    ///
    /// The first [`Defect`] met.
    pub fn check(&self) -> Result<(), Defect> {
        let kind = if self.is_request()
            && Uri::parse(self.request_uri()).map_or(true, |uri| uri.headers().is_some())
        {
            DefectKind::RequestUri
        } else if self.vias().any(|via| via.is_err()) {
            DefectKind::Malformed(HeaderName::Via)
        } else if self.from().is_err() {
            DefectKind::Malformed(HeaderName::From)
        } else if self.to().is_err() {
            DefectKind::Malformed(HeaderName::To)
        } else if self.call_id().iter().any(|byte| text::is_lws(*byte)) {
            DefectKind::Malformed(HeaderName::CallId)
        } else if self.contacts().any(|contact| contact.is_err()) {
            DefectKind::Malformed(HeaderName::Contact)
        } else if self.routes().any(|route| route.is_err()) {
            DefectKind::Malformed(HeaderName::Route)
        } else {
            return Ok(());
        };
        let answerable = self.is_request() && self.method() != Method::Ack;
        Err(Defect { kind, answerable, closes: false })
    }

    /// Every header line in order.
    pub(crate) fn lines(&self) -> impl Iterator<Item = RawLine<'a>> + Clone + use<'a> {
        let bytes = self.bytes;
        self.layout.lines.iter().map(move |line: &Line| RawLine {
            name: line.name,
            written: line.whole.of(bytes).get(..line.name_length as usize).unwrap_or_default(),
            value: line.value.of(bytes),
            start: line.whole.start as usize,
            end: line.whole.end as usize,
        })
    }

    /// Where the header lines begin and end, without the empty line.
    pub(crate) fn header_range(&self) -> (usize, usize) {
        (self.layout.headers.start as usize, self.layout.headers.end as usize)
    }

    /// A run of the scanned bytes, by the offsets of [`RawLine`].
    pub(crate) fn run(&self, start: usize, end: usize) -> &'a [u8] {
        self.bytes.get(start..end).unwrap_or_default()
    }
}
