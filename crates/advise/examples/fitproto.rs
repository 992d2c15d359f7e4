#![allow(warnings, clippy::all)]
use deskside_advise::fit::{table,speed,cache,case::Work};
fn main(){
 let p=std::env::args().nth(1).unwrap();
 let t=table::parse(&std::fs::read_to_string(p).unwrap(),100000);
 let dump=std::env::args().nth(2).is_some();
 for (i,r) in t.rows.iter().enumerate(){
  if dump {
   if let Ok(c)=table::case(r) { if let (Work::Inference(w),Some(d))=(&c.work,&c.device) {
     let m=w.prompt+w.generate/2.0;
     println!("{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",r.text("id"),c.runtime.name,c.quantised(),speed::read_bytes(&c,w),cache::bytes(&c.shape,m,16.0)*w.batch,c.shape.layers,d.bandwidth*d.reach,d.vector_flops,c.devices,speed::prompt_seconds(&c,d,w),c.shape.assumed.is_empty(),c.shape.experts,d.memory_bytes.unwrap_or(0.0),deskside_advise::fit::weights::bytes(&c.shape,&c.weights),d.unified);
   }}
   continue;
  }
  let q=table::predict(r,i);
  println!("{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",q.id,q.family,q.value.unwrap_or(-1.0),q.low.unwrap_or(-1.0),q.high.unwrap_or(-1.0),q.verdict.unwrap_or_default(),q.memory_bytes.unwrap_or(-1.0),q.notes.join("; "));
 }
}
